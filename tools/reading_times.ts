/**
 * How long each reader of files from outside takes for the largest input that its bounds let through: what takes over
 * 50 ms must not run on the page's main thread. Prints the table of docs/reliability.md: `npx tsx tools/reading_times.ts`.
 */
import { deflateRawSync } from 'node:zlib';
import { parseTagList } from '../src/formats/captions/tag_list';
import { identifyCheckpoint, mapCheckpoint } from '../src/formats/checkpoint/checkpoint_kind';
import { readShareLink } from '../src/formats/config/share_link';
import { readDatasetToml } from '../src/formats/dataset/dataset_toml';
import { readJsonTable, readTable } from '../src/formats/dataset/tables';
import { decodeText } from '../src/formats/dataset/text';
import { familyFacts } from '../src/formats/families/families';
import { importFromLora, importSettings } from '../src/formats/kohya/import_settings';
import { withAdapterConfig } from '../src/formats/lora/adapter_config';
import { buildLoraFile, parseLora } from '../src/formats/lora/kohya_lora';
import { outlineLora } from '../src/formats/lora/lora_outline';
import { verifyLora } from '../src/formats/lora/verify_lora';
import { readOnnxFile } from '../src/formats/onnx/onnx_file';
import { bytesField, joined } from '../src/formats/protobuf/wire';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { readProject } from '../src/formats/zip/project_file';
import { openZip } from '../src/formats/zip/zip';
import { writeZip } from '../src/formats/zip/zip_write';

interface Measured {
  readonly reader: string;
  readonly input: string;
  prepare(): Promise<() => unknown> | (() => unknown);
}

const encoder = new TextEncoder();
const many = (count: number, one: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => one(i));

const READERS: readonly Measured[] = [
  {
    reader: 'safetensors header, what model it is',
    input: '50,000 tensors',
    prepare() {
      const file = tensors(many(50_000, (i) => `model.diffusion_model.input_blocks.${i}.weight`));
      return async () => {
        const { tensors: found } = await readHeader(fromBytes(file));
        identifyCheckpoint(found);
        mapCheckpoint(found.keys(), familyFacts.sd1);
      };
    },
  },
  {
    reader: 'safetensors header',
    input: '32 MiB of metadata',
    prepare() {
      const text = JSON.stringify({ __metadata__: { ss_tag_frequency: '"a": 1, '.repeat(3_300_000) } });
      const file = withHeader(text, 0);
      return () => readHeader(fromBytes(file));
    },
  },
  {
    reader: 'settings in a LoRA',
    input: '32 MiB of metadata',
    prepare() {
      const metadata = { ss_network_dim: '8', ss_tag_frequency: '"a": 1, '.repeat(3_300_000) };
      const file = withHeader(JSON.stringify({ __metadata__: metadata }), 0);
      return () => importFromLora(fromBytes(file));
    },
  },
  {
    reader: 'layers of a LoRA',
    input: '50,000 tensors',
    prepare() {
      const file = tensors(many(50_000, (i) => `lora_unet_down_blocks_${i >> 1}_attentions_0_proj_in.lora_${i % 2 ? 'up' : 'down'}.weight`)); // prettier-ignore
      return () => outlineLora(fromBytes(file)).catch((error: unknown) => error);
    },
  },
  {
    reader: 'LoRA, read whole, and verified',
    input: 'rank 128, 150 MB',
    async prepare() {
      const file = await buildLoraFile({ modules: modules(), precision: 'fp16', metadata: {} });
      return async () => {
        await parseLora(fromBytes(file));
        await verifyLora(fromBytes(file));
      };
    },
  },
  {
    reader: 'adapter_config.json',
    input: '20,000 values',
    async prepare() {
      const file = await buildLoraFile({ modules: modules().slice(0, 1), precision: 'fp16', metadata: {} });
      const pattern = Object.fromEntries(many(9000, (i) => `p${i}`).map((name) => [name, 1]));
      const text = JSON.stringify({ peft_type: 'LORA', alpha_pattern: pattern });
      return () => withAdapterConfig(fromBytes(file), text);
    },
  },
  {
    reader: 'YAML settings',
    input: '65,000 letters',
    prepare() {
      const text = `sample_prompts:\n${many(3800, (i) => `  - "a cat ${i}"\n`).join('')}`.slice(0, 64_000);
      return () => attempt(() => importSettings(`${text.slice(0, text.lastIndexOf('\n'))}\n`));
    },
  },
  {
    reader: 'settings in JSON',
    input: '200,000 letters, 5,000 values',
    prepare() {
      const pairs = many(2400, (i) => `"network_${i}": "${'x'.repeat(60)}"`);
      return () => attempt(() => importSettings(`{"network_dim": 8, ${pairs.join(', ')}}`));
    },
  },
  {
    reader: 'settings in TOML',
    input: '200,000 letters',
    prepare() {
      const lines = many(2400, (i) => `network_${i} = "${'x'.repeat(60)}"\n`);
      return () => attempt(() => importSettings(`network_dim = 8\n${lines.join('')}`));
    },
  },
  {
    reader: 'settings on a command line',
    input: '200,000 letters',
    prepare() {
      const words = many(8000, (i) => `--network_${i} "a ${i}"`);
      return () =>
        attempt(() => importSettings(`python train_network.py ${words.join(' ').slice(0, 190_000)}`));
    },
  },
  {
    reader: 'share link',
    input: '2,000 letters, 64 KiB unfolded',
    async prepare() {
      const json = JSON.stringify({ lora_rank: 8, ...Object.fromEntries(many(3000, (i) => `k${i}`).map((k) => [k, 1])) }); // prettier-ignore
      const hash = `#c=${deflateRawSync(encoder.encode(json)).toString('base64url').slice(0, 1990)}`;
      return () => readShareLink(hash).catch((error: unknown) => error);
    },
  },
  {
    reader: 'metadata.csv',
    input: '16 MiB, 100,000 rows',
    prepare() {
      const text = many(99_000, (i) => `${i}.png,"${'a cat, '.repeat(22)}"\n`).join('');
      const bytes = encoder.encode(text);
      return () => readTable('metadata.csv', said(bytes), 'x');
    },
  },
  {
    reader: 'metadata.jsonl',
    input: '16 MiB, 100,000 lines',
    prepare() {
      const bytes = encoder.encode(
        many(99_000, (i) => `{"file_name": "${i}.png", "text": "${'a cat, '.repeat(18)}"}\n`).join(''),
      );
      return () => readTable('metadata.jsonl', said(bytes), 'x');
    },
  },
  {
    reader: 'captions in JSON',
    input: '16 MiB, 300,000 values',
    prepare() {
      const bytes = encoder.encode(
        `{${many(100_000, (i) => `"${i}": {"caption": "${'a cat, '.repeat(17)}"}`).join(',')}}`,
      );
      return () => readJsonTable(said(bytes));
    },
  },
  {
    reader: 'data set in TOML',
    input: '100,000 letters',
    prepare() {
      const subset = (i: number) => `[[datasets.subsets]]\nimage_dir = "a${i}"\nnum_repeats = 2\n`;
      const text = `[[datasets]]\nresolution = 512\n${many(1_700, subset).join('')}`;
      return () => readDatasetToml(text.slice(0, text.lastIndexOf('[[')));
    },
  },
  {
    reader: 'list of a zip',
    input: '50,000 files',
    async prepare() {
      const one = new Blob(['x']);
      const zip = await writeZip(many(50_000, (i) => `a/${i}.png`).map((path) => ({ path, file: one })));
      return () => openZip(zip);
    },
  },
  {
    reader: 'list of a project',
    input: '16 MiB, 50,000 pictures',
    async prepare() {
      const picture = (i: number) => ({
        ...{ path: `pictures/${i}.png`, name: `${i}.png`, caption: 'a cat, '.repeat(30), repeats: 1 },
        focus: [0.5, 0.5],
      });
      const pictures = Array.from({ length: 49_000 }, (_, i) => picture(i));
      const list = { format: 'lora-studio-project', version: 1, name: 'a', settings: {}, pictures };
      const text = JSON.stringify(list);
      const zip = await writeZip([{ path: 'project.json', file: new Blob([text]) }]);
      return () => readProject(zip);
    },
  },
  {
    reader: 'list of tags',
    input: '8 MiB, 100,000 tags',
    prepare() {
      const rows = many(95_000, (i) => `${i},${'tag_'.repeat(16)}${i},0,1\n`);
      const bytes = encoder.encode(`tag_id,name,category,count\n${rows.join('')}`);
      return () => parseTagList(bytes);
    },
  },
  {
    reader: 'ONNX model',
    input: '10,000 fields',
    prepare() {
      const graph = joined(many(9000, () => 'x').map((text) => bytesField(1, encoder.encode(text))));
      const file = joined([Uint8Array.of(8, 8), bytesField(7, graph)]);
      return () => readOnnxFile(fromBytes(file));
    },
  },
];

function said(bytes: Uint8Array): string {
  const read = decodeText(bytes);
  if (!('text' in read)) throw new Error(`It was to be text: ${read.problem}.`);
  return read.text;
}

/** A refusal takes its time too. */
function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}

function tensors(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const entries = names.map((name, i) => [name, { dtype: 'F16', shape: [1, 1], data_offsets: [2 * i, 2 * i + 2] }]); // prettier-ignore
  return withHeader(JSON.stringify(Object.fromEntries(entries)), 2 * names.length);
}

function withHeader(json: string, dataBytes: number): Uint8Array<ArrayBuffer> {
  const header = encoder.encode(json);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined([length, header, new Uint8Array(dataBytes)]);
}

/** About as many values as SD 1.x has at rank 128. */
function modules() {
  const side = 1280;
  const rank = 128;
  return many(230, (i) => `lora_unet_up_blocks_${i}_attentions_0_transformer_blocks_0_attn1_to_q`).map((name) => ({
    ...{ name, down: new Float32Array(rank * side).fill(0.5), downShape: [rank, side] },
    ...{ up: new Float32Array(side * rank).fill(0.25), upShape: [side, rank], alpha: 1 },
  })); // prettier-ignore
}

console.log('| reader | input | computing (ms) |\n|---|---|---|');
for (const { reader, input, prepare } of READERS) {
  const read = await prepare();
  const times: number[] = [];
  // The first is the slowest: nothing is compiled yet. A page reads a file once.
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    await read();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  console.log(`| ${reader} | ${input} | ${Math.round(times[0])}, then ${Math.round(Math.min(...times))} |`);
}
