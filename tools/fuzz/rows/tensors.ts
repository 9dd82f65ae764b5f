/** Files of tensors: the header, what a base model or a LoRA makes of it, a saved state. */
import { joined } from '../../../src/formats/protobuf/wire';
import { fromBytes } from '../../../src/formats/safetensors/byte_source';
import {
  identifyCheckpoint,
  mapCheckpoint,
  quantizedTensor,
} from '../../../src/formats/checkpoint/checkpoint_kind';
import { familyFacts } from '../../../src/formats/families/families';
import { importFromLora } from '../../../src/formats/kohya/import_settings';
import { buildLoraFile, parseLora } from '../../../src/formats/lora/kohya_lora';
import { targetsInCheckpoint } from '../../../src/formats/lora/lora_targets';
import { matchLora, outlineLora } from '../../../src/formats/lora/lora_outline';
import { chooseMetadata, rewriteLora } from '../../../src/formats/lora/private_metadata';
import { dtypeBits, readHeader } from '../../../src/formats/safetensors/safetensors';
import { writeSafetensors } from '../../../src/formats/safetensors/safetensors_write';
import { parseStrictJson } from '../../../src/formats/safetensors/strict_json';
import { smallTargets } from '../../../src/formats/lora/small_model.testing';
import { verifyLora } from '../../../src/formats/lora/verify_lora';
import { planBaseModel } from '../../../src/training/step/base_model';
import { openState, writeState } from '../../../src/training/loop/checkpoint';
import { bytesOf, mutated, type Kinds } from '../mutate';
import type { Random } from '../random';
import { promise, textRow, type Row } from '../row';
import { bytesIn } from '../seed_files';

const encoder = new TextEncoder();

export function tensorRows(): Row[] {
  return [
    textRow(
      'strict JSON',
      ['JsonError'],
      10,
      () => ({ seeds: jsonSeeds, words: jsonWords }),
      (text) => {
        const read = parseStrictJson(text);
        promise(read !== undefined, 'nothing was read');
        try {
          JSON.parse(text);
        } catch {
          promise(false, 'JSON.parse refuses what was taken');
        }
      },
    ),
    {
      name: 'safetensors header',
      refusals: ['SafetensorsError'],
      share: 14,
      case(random) {
        const input = tensorFile(random, headerKinds());
        return {
          input,
          async read() {
            const { tensors, dataStart } = await readHeader(fromBytes(input));
            let reached = dataStart;
            for (const { start, end, shape, dtype } of tensors.values()) {
              promise(start === reached && end >= start, 'tensors do not lie one after another');
              const count = shape.reduce((product, side) => product * side, 1);
              promise(count * dtypeBits[dtype] === (end - start) * 8, 'a tensor is of another size');
              reached = end;
            }
            promise(reached === input.length, 'bytes belong to no tensor');
          },
        };
      },
    },
    loraRow(),
    {
      name: 'settings in a LoRA',
      refusals: ['SafetensorsError', 'ConfigError'],
      share: 2,
      case(random) {
        const input = tensorFile(random, settingsKinds());
        return { input, read: () => importFromLora(fromBytes(input)) };
      },
    },
    {
      name: 'kind of checkpoint',
      refusals: ['CheckpointError'],
      share: 2,
      case(random) {
        const tensors = someTensors(random);
        return {
          input: JSON.stringify([...tensors]),
          read() {
            identifyCheckpoint(tensors);
            quantizedTensor(tensors, familyFacts.sd1);
            mapCheckpoint(tensors.keys(), familyFacts.sd1);
            targetsInCheckpoint([tensors]);
          },
        };
      },
    },
    {
      name: 'base model',
      refusals: ['SafetensorsError', 'CheckpointError', 'CheckpointShapeError'],
      share: 0.05,
      case(random) {
        const { header, dataBytes } = baseHeader(random);
        const head = withLength(header);
        const source = {
          byteLength: head.length + dataBytes,
          slice: (start: number, end: number) => head.slice(start, end).buffer,
        };
        return { input: header, read: () => planBaseModel([source]) };
      },
    },
    stateRow(),
  ];
}

const jsonSeeds = [
  '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}',
  '[1, -0.5e+10, true, false, null, "\\u00e9\\n", {"a": {}}, []]',
  '  { "x" : [ [ [ ] ] ] , "y" : "\\ud83d\\ude00" } ',
];
const jsonWords = [
  ...Object.keys(dtypeBits).map((dtype) => `"${dtype}"`),
  '"dtype":',
  '"shape":[',
  '"data_offsets":[0,4]',
  '"__metadata__":{',
  '"__proto__":{}',
  '"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},',
  '[[',
  '{"a":',
  'null',
  '\\ud800',
  '\\u0000',
  '1e400',
  ',',
  '}',
];

let header: Kinds | undefined;
export function headerKinds(): Kinds {
  return (header ??= {
    seeds: [
      ...jsonSeeds,
      '{}',
      '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F4","shape":[4],"data_offsets":[4,6]},"c":{"dtype":"U8","shape":[0,9],"data_offsets":[6,6]}}',
      '{"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[4,8]},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}   ',
    ].map((text) => encoder.encode(text)),
    words: jsonWords,
  });
}

/** A header that is changed, mostly under the right length, and about as much data as it says. */
export function tensorFile(random: Random, kinds: Kinds): Uint8Array<ArrayBuffer> {
  const text = random.oneIn(20) ? random.of(kinds.seeds) : mutated(random, kinds);
  const shown = new TextDecoder('latin1').decode(text.subarray(0, 5000));
  const said = /\[\d+,\s*(\d{1,4})\]/.exec(shown.slice(Math.max(0, shown.lastIndexOf('"data_offsets"'))));
  const size = random.oneIn(8) ? random.size(64) : Number(said?.[1] ?? 0);
  const file = withLength(text, size);
  if (random.oneIn(30)) return mutated(random, { seeds: [file] }) as Uint8Array<ArrayBuffer>;
  return file;
}

function withLength(text: Uint8Array | string, dataBytes = 0): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(text);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length), true);
  return joined([length, bytes, new Uint8Array(dataBytes)]);
}

const layers = [
  'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q',
  'lora_te_text_model_encoder_layers_0_mlp_fc1',
];

function loraRow(): Row {
  let seeds: readonly Uint8Array[] = [];
  const words = [...jsonWords, ...loraWords];
  return {
    name: 'LoRA, verified and rewritten',
    refusals: ['SafetensorsError', 'LoraError', 'VerificationError'],
    share: 2,
    async prepare() {
      seeds = [await loraSeed(), diffusersLora()];
    },
    case(random) {
      const input = mutated(random, { seeds, words }) as Uint8Array<ArrayBuffer>;
      return {
        input,
        async read() {
          const outline = await outlineLora(fromBytes(input));
          const { metadata } = await parseLora(fromBytes(input));
          matchLoraOrNot(outline.layers);
          const choice = {
            identity: random.oneIn(2),
            settings: random.oneIn(2),
            tags: true,
            names: random.oneIn(2),
            thumbnail: random.oneIn(2),
          };
          const again = await rewriteLora(fromBytes(input), chooseMetadata(metadata, choice, 'zk'));
          const before = (await readHeader(fromBytes(input))).tensors;
          promise((await readHeader(fromBytes(again))).tensors.size === before.size, 'tensors were lost');
          await verifyLora(fromBytes(again), { source: fromBytes(input) });
        },
      };
    },
  };
}

const loraWords = [
  ...layers,
  '.lora_down.weight',
  '.lora_up.weight',
  '.alpha',
  'bundle_emb.zk.x',
  '"ss_tag_frequency":"{\\"a\\":{\\"b\\":1}}",',
  '"lora_adapter_metadata":"{}",',
  'hada_w1_a',
  'lokr_w1',
];

const targets = smallTargets();
function matchLoraOrNot(found: Parameters<typeof matchLora>[0]): void {
  try {
    matchLora(found, targets);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'LoraError')) throw error;
  }
}

function loraSeed(): Promise<Uint8Array<ArrayBuffer>> {
  const modules = layers.map((name) => ({
    name,
    down: Float32Array.of(0.5, 1, -1, 2),
    downShape: [2, 2],
    up: Float32Array.of(1, 0.25),
    upShape: [1, 2],
    alpha: 2,
  }));
  const metadata = { ss_network_dim: '2', ss_tag_frequency: '{"1_a": {"cat": 3}}', 'modelspec.title': 'zk' };
  return buildLoraFile({ modules, precision: 'fp16', metadata });
}

function diffusersLora(): Uint8Array {
  const name = 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
  const tensor = (role: string, shape: number[]) => ({
    name: `${name}.lora_${role}.weight`,
    dtype: 'F32' as const,
    shape,
    data: new Uint8Array(new Float32Array([1, 2]).buffer),
  });
  const metadata = { lora_adapter_metadata: '{"unet.lora_alpha": 8, "unet.alpha_pattern": {"to_q": 4}}' };
  return writeSafetensors([tensor('A', [1, 2]), tensor('B', [2, 1])], metadata);
}

let settings: Kinds | undefined;
function settingsKinds(): Kinds {
  const metadata = {
    ss_learning_rate: '0.0001',
    ss_network_dim: '16',
    ss_network_alpha: '8.0',
    ss_network_args: '{"conv_dim": "4"}',
    ss_optimizer: 'torch.optim.AdamW(weight_decay=0.01,betas=(0.9, 0.99))',
    ss_resolution: '(512, 512)',
    ss_num_epochs: '10',
    ss_lr_scheduler: 'cosine',
    ss_mixed_precision: 'bf16',
    ss_tag_frequency: '{"5_x": {"a": 1}}',
  };
  const onetrainer = {
    ot_config: '{"training_method": "LORA", "learning_rate": 0.0003, "lora_rank": 16, "epochs": 3}',
  };
  return (settings ??= {
    seeds: [metadata, onetrainer].map((each) => encoder.encode(JSON.stringify({ __metadata__: each }))),
    words: [
      ...Object.keys(metadata),
      ...Object.values(metadata).map((value) => JSON.stringify(value)),
      ...jsonWords,
    ],
  });
}

const prefixes = [
  'model.diffusion_model.input_blocks.0.0.weight',
  'model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight',
  'first_stage_model.encoder.down.0.block.0.conv1.weight',
  'cond_stage_model.transformer.text_model.embeddings.position_ids',
  'cond_stage_model.model.ln_final.bias',
  'down_blocks.0.attentions.0.proj_in.weight',
  'text_model.encoder.layers.0.mlp.fc1.weight',
  'decoder.up_blocks.3.resnets.2.conv2.bias',
  'double_blocks.0.img_attn.qkv.weight',
  'lora_unet_x.lora_down.weight',
  'x.scaled_fp8',
];

type Tensors = Map<string, { shape: number[]; dtype: keyof typeof dtypeBits }>;
function someTensors(random: Random): Tensors {
  const name = () =>
    random.oneIn(3)
      ? new TextDecoder().decode(mutated(random, { seeds: prefixes.map((each) => encoder.encode(each)) }))
      : random.of(prefixes).replace(/\d+/g, () => String(random.size(40)));
  const entry = () => ({
    shape: random.list(5, () => random.size(4000)),
    dtype: random.of(Object.keys(dtypeBits) as (keyof typeof dtypeBits)[]),
  });
  return new Map(random.list(60, () => [name(), entry()]));
}

let base: Record<string, { dtype: string; shape: number[] }> | undefined;
/** The tiny model's header with some tensors renamed, dropped, of other shapes or types, and offsets that fit. */
function baseHeader(random: Random): { header: string; dataBytes: number } {
  base ??= tinyTensors();
  const entries = Object.entries(base).map(([name, { dtype, shape }]) => ({
    name,
    dtype,
    shape: [...shape],
  }));
  for (let left = 1 + random.size(4); left > 0; left--) {
    const at = random.below(entries.length);
    const entry = entries[at];
    switch (random.below(5)) {
      case 0:
        entries.splice(at, 1);
        break;
      case 1:
        entry.shape[random.below(entry.shape.length + 1)] = random.of([0, 1, 2, 3, 7, 64, 77, 1280, 65536]);
        break;
      case 2:
        entry.dtype = random.of(['F16', 'BF16', 'F64', 'I8', 'F8_E4M3']);
        break;
      case 3:
        entry.name = entry.name.replace(/\d+/, () => String(random.size(2000)));
        break;
      default:
        entry.shape = [...entry.shape].reverse();
    }
  }
  let reached = 0;
  const named = entries.map(({ name, dtype, shape }) => {
    const bits = dtypeBits[dtype as keyof typeof dtypeBits];
    const from = reached;
    reached += (shape.reduce((product, side) => product * side, 1) * bits) / 8;
    return [name, { dtype, shape, data_offsets: [from, reached] }] as const;
  });
  return { header: JSON.stringify(Object.fromEntries(named)), dataBytes: reached };
}

function tinyTensors(): Record<string, { dtype: string; shape: number[] }> {
  const bytes = bytesIn('reference/golden/tiny-sd15.safetensors');
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  const all = Object.entries(JSON.parse(text) as Record<string, { dtype: string; shape: number[] }>);
  return Object.fromEntries(all.filter(([name]) => name !== '__metadata__'));
}

function stateRow(): Row {
  let whole = new Uint8Array();
  return {
    name: 'saved state',
    refusals: ['ResumeError'],
    share: 1,
    async prepare() {
      whole = await stateSeed();
    },
    case(random) {
      const input = mutated(random, { seeds: [whole], words: jsonWords }) as Uint8Array<ArrayBuffer>;
      return {
        input,
        async read() {
          const { step } = await openState(fromBytes(input));
          const { metadata } = await readHeader(fromBytes(input));
          // One of the first format has no checksum that could tell.
          const trusted = metadata['format'] === 'lora-studio-state-2';
          promise(trusted ? step === 7 : Number.isSafeInteger(step) && step >= 0, `step ${step}`);
        },
      };
    },
  };
}

function stateSeed(): Promise<Uint8Array<ArrayBuffer>> {
  return writeState({
    step: 7,
    fingerprint: 'f',
    facts: {
      settings: { lora_alpha: 4 },
      pictures: [['a.png', null, 'c', 64, 64, 1, 0.5, 0.5]],
      base: { legacy: ['deadbeef'] },
    },
    startedAt: 1_700_000_000_000,
    averageLoss: 0.125,
    averageCount: 7,
    tensors: {
      values: Float32Array.of(1, 2, 3, 4),
      moment1: new Float32Array(4),
      moment2: new Float32Array(4),
      optimizer: Float32Array.of(1, 2),
    },
  });
}
