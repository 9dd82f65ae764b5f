/** LoRAs as other programs leave them: names in any notation, peft's configuration beside the file, weights to merge with. */
import { ADAPTER_CONFIG, withAdapterConfig } from '../../../src/formats/lora/adapter_config';
import { parseLora, type LoraFile } from '../../../src/formats/lora/kohya_lora';
import { otherKind, refuseLora } from '../../../src/formats/lora/lora_kind';
import { loraTensorName } from '../../../src/formats/lora/lora_names';
import {
  blockOf,
  emptyPlaces,
  inBlockOrder,
  parseWeights,
  weightOf,
} from '../../../src/formats/merging/weights';
import { summarizeLora } from '../../../src/formats/merging/summary';
import { writeAs, writings } from '../../../src/formats/merging/written_as';
import { joined } from '../../../src/formats/protobuf/wire';
import { fromBytes } from '../../../src/formats/safetensors/byte_source';
import { readHeader } from '../../../src/formats/safetensors/safetensors';
import { mutated, type Kinds } from '../mutate';
import type { Random } from '../random';
import { promise, textRow, type Row } from '../row';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const LAYER = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q';

export function adapterRows(): Row[] {
  return [
    namesRow(),
    convertedRow(),
    configRow(),
    textRow(
      'weights to merge with',
      ['WeightsError'],
      4,
      () => ({
        seeds: ['unet=0.8,te=0.4,mid=0.5,up1=1', '0.8', 'te2.0=1,te11=-2e3'],
        words: ['=', ',', 'down0=', 'te', '.', '1e999', '0x1', ' ', '='],
      }),
      (text) => {
        const weights = parseWeights(text);
        promise(Number.isFinite(weightOf(weights, LAYER)), 'a weight is no number');
        emptyPlaces(weights, [LAYER, 'lora_te2_text_model_encoder_layers_3_mlp_fc1']);
      },
    ),
  ];
}

const names = [
  `${LAYER}.lora_down.weight`,
  'lora_te_text_model_encoder_layers_0_mlp_fc1.alpha',
  'unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0.lora_A.weight',
  'base_model.model.up_blocks.1.attentions.2.transformer_blocks.0.ff.net.0.proj.lora_B.default.weight',
  'unet.up_blocks.3.attentions.0.transformer_blocks.0.attn1.processor.to_k_lora.up.weight',
  'text_encoder.text_model.encoder.layers.11.self_attn.q_proj.lora_linear_layer.down.weight',
  'diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_v.lora_up.weight',
  'unet.down_blocks.0.attentions.0.proj_in.lora.down.weight',
];
const nameWords = [
  ...['unet.', 'text_encoder.', 'te1.', 'transformer.', 'diffusion_model.', 'base_model.model.', '_', '..'],
  ...[
    '.lora_mid.weight',
    '.dora_scale',
    '.hada_w1_a',
    '.lokr_w1',
    '.alpha',
    '.weight',
    'lora_unet_',
    '.999.',
  ],
];

/** Names alone: what a name gives, gives the same name again. */
function namesRow(): Row {
  const kinds: Kinds = {
    seeds: names.map((name) => encoder.encode(name)),
    words: nameWords,
    longest: 50_000,
  };
  return {
    name: 'names of LoRA tensors',
    refusals: [],
    share: 6,
    case(random) {
      const all = random.list(8, () => decoder.decode(mutated(random, kinds)));
      return {
        input: all.join('\n'),
        read() {
          const family = random.of(['sd1', 'sd2', 'sdxl'] as const);
          for (const name of all) {
            const found = loraTensorName(name, family);
            if (!found) continue;
            promise(
              !found.layer.includes('.') && found.layer.length <= name.length + 40,
              'no name of kohya’s',
            );
            const again = loraTensorName(`${found.layer}.lora_down.weight`, family);
            promise(again?.layer === found.layer, 'a layer is called otherwise in kohya’s words');
            blockOf(found.layer);
          }
          all.map((name) => blockOf(name).block).sort(inBlockOrder);
          const shape = random.of([[4, 768], [4, 1024], [4, 2048], [3, 3, 3, 3], [], [0]]); // prettier-ignore
          const other = otherKind(new Map(all.map((name) => [name, { shape }])), {});
          if (other) promise(refuseLora(other.kind, other.key).message.length < 1000, 'a sentence too long');
        },
      };
    },
  };
}

/** Every notation's file with names, shapes and metadata changed: looked into, and written in each notation. */
function convertedRow(): Row {
  return {
    name: 'LoRA, looked into and converted',
    refusals: ['SafetensorsError', 'LoraError'],
    share: 1,
    case(random) {
      const input = loraOf(random);
      return {
        input,
        async read() {
          const lora = await parseLora(fromBytes(input));
          await lookedInto(lora);
          const written = await writeAs(random.of(writings), { ...lora, precision: 'fp16' });
          promise(written.length > 0, 'nothing was written');
          const again = await parseLora(fromBytes(written[0].bytes));
          promise(
            again.modules.length > 0 && again.modules.length <= lora.modules.length,
            'modules were lost',
          );
        },
      };
    },
  };
}

async function lookedInto(lora: LoraFile): Promise<void> {
  const { blocks, norm } = await summarizeLora(lora);
  const modules = blocks.reduce((sum, block) => sum + block.modules, 0);
  promise(modules === lora.modules.length, 'a module is in no block');
  promise(norm >= 0, `a norm of ${norm}`);
}

/** `name` up to where `mark` stands in it first, and `then`; the whole of it where the mark is not there. */
function upTo(name: string, mark: string, then = ''): string {
  const at = name.indexOf(mark);
  return at < 0 ? name : name.slice(0, at) + then;
}

const PAIRS: readonly (readonly [down: string, up: string])[] = [
  ['.lora_down.weight', '.lora_up.weight'],
  ['.lora_A.weight', '.lora_B.weight'],
  ['.lora_A.default.weight', '.lora_B.default.weight'],
  ['.lora.down.weight', '.lora.up.weight'],
  ['.lora_linear_layer.down.weight', '.lora_linear_layer.up.weight'],
];
const LAYERS = names.map((name) =>
  upTo(upTo(name.replace(/\.alpha$/, ''), '.lora'), '.processor.to_k_lora', '.to_k'),
);

function loraOf(random: Random): Uint8Array<ArrayBuffer> {
  const [kohya, ...others] = PAIRS;
  const strange = random.oneIn(8);
  const rank = 1 + random.size(3);
  const layers = [...new Set([random.of(LAYERS), ...random.list(4, () => random.of(LAYERS))])];
  const entries = layers.flatMap((layer) => {
    const own = layer.startsWith('lora_') ? kohya : random.of(others);
    const [down, up] = strange ? random.of(PAIRS) : own;
    const text = /(^lora_te|text_encoder)/.test(layer);
    const inputs = /attn2_to_[kv]|self_attn/.test(layer) || text ? 768 : 2;
    const entries: (readonly [name: string, shape: number[]])[] = [
      [`${layer}${down}`, [rank, inputs]],
      [`${layer}${up}`, [2, rank]],
    ];
    return random.oneIn(2) ? [...entries, [`${layer}.alpha`, []] as const] : entries;
  });
  let reached = 0;
  const listed = entries.map(([name, shape]) => {
    const bytes = shape.reduce((product, side) => product * side, 1) * 4;
    const from = reached;
    reached += bytes;
    return [name, { dtype: 'F32', shape, data_offsets: [from, reached] }] as const;
  });
  const metadata = {
    lora_adapter_metadata: '{"unet.lora_alpha": 8}',
    ss_tag_frequency: '{"1_a": {"cat": 3}}',
  };
  const sound = encoder.encode(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(listed) }));
  const header = random.oneIn(2) ? sound : mutated(random, { seeds: [sound], words: nameWords });
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  const numbers = random.oneIn(4) ? [0, 1, -0.5, 1e5, NaN, 1e-30] : [0.25, 1, -0.5, 2];
  const values = Float32Array.from({ length: reached / 4 }, () => random.of(numbers));
  return joined([length, header, new Uint8Array(values.buffer)]);
}

/** The text beside a sound file; what is taken from it changes strengths, nothing else. */
function configRow(): Row {
  const kinds: Kinds = {
    seeds: [
      '{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "alpha_pattern": {"to_q": 2}, "rank_pattern": {}, "use_rslora": true}',
      '{"peft_type": "LOHA", "r": 4}',
      '{"peft_type": "LORA", "lora_alpha": "x", "target_modules": ["to_q", "to_k"]}',
    ].map((text) => encoder.encode(text)),
    words: [
      '"use_rslora": true,',
      '"lora_alpha": -1,',
      '1e999',
      '[[',
      '{"a":',
      '"__proto__": {},',
      'null',
      '"r": 0,',
    ],
  };
  const source = fromBytes(plainPeft());
  return {
    name: ADAPTER_CONFIG,
    refusals: ['LoraError'],
    share: 4,
    case(random) {
      const input = decoder.decode(mutated(random, kinds));
      return {
        input,
        async read() {
          const { modules } = await parseLora(await withAdapterConfig(source, input));
          const plain = await readHeader(source);
          promise(modules.length * 2 === plain.tensors.size, 'modules were lost');
          promise(
            modules.every(({ alpha }) => Number.isFinite(alpha) && alpha > 0),
            'a strength is no number',
          );
          promise(modules[0].down[0] === 0.5, 'values were moved');
        },
      };
    },
  };
}

function plainPeft(): Uint8Array<ArrayBuffer> {
  const path = 'base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
  const header = encoder.encode(
    JSON.stringify({
      [`${path}.lora_A.weight`]: { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
      [`${path}.lora_B.weight`]: { dtype: 'F32', shape: [2, 1], data_offsets: [8, 16] },
    }),
  );
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined([length, header, new Uint8Array(Float32Array.of(0.5, 1, -1, 2).buffer)]);
}
