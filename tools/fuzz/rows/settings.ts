/** Settings in every notation, links, and what is typed into a line: prompts, names, templates. */
import { parseTemplate, fillTemplate } from '../../../src/captioning/template';
import { defaultConfig, parseConfig } from '../../../src/formats/config/config';
import { formatConfig } from '../../../src/formats/config/config_format';
import { fieldList } from '../../../src/formats/config/config_fields';
import { isFileName } from '../../../src/formats/config/file_name';
import { importSettings } from '../../../src/formats/kohya/import_settings';
import {
  complete,
  completionAt,
  isLoraName,
  loraNameOf,
  parseLoraPrompt,
} from '../../../src/formats/captions/lora_prompt';
import { promptNotes, samplePicture } from '../../../src/formats/captions/sample_prompt';
import { linkMark, meantByLink, readShareLink } from '../../../src/formats/config/share_link';
import { makeTokenizer, type Tokenizer } from '../../../src/formats/captions/tokenizer';
import { mutated } from '../mutate';
import { promise, textRow, type Row } from '../row';
import { textIn } from '../seed_files';

export function settingsRows(): Row[] {
  const config = defaultConfig();
  const names = fieldList.map(({ name }) => `${name}: `);
  return [
    textRow(
      'YAML configuration',
      ['ConfigError'],
      0.3,
      () => ({
        seeds: [
          textIn('configs/demo.yaml'),
          'lora_rank: 8\nsample_prompts:\n  - a cat\n  - "a: dog"\n',
          ...yamlSeeds,
        ],
        words: [...names, ...yamlWords],
        longest: 70_000,
      }),
      (text) => {
        const config = parseConfig(text);
        const again = parseConfig(formatConfig(config));
        promise(JSON.stringify(again) === JSON.stringify(config), 'what is written does not read back');
      },
    ),
    textRow(
      'imported YAML',
      ['ConfigError'],
      0.3,
      () => ({
        seeds: [
          'job: extension\nconfig:\n  name: zk\n  process:\n    - type: sd_trainer\n      network:\n        linear: 16\n',
          ...yamlSeeds,
        ],
        words: [...names, ...yamlWords],
      }),
      (text) => importSettings(text, { here: true }),
    ),
    textRow(
      'imported JSON',
      ['ConfigError'],
      1,
      () => ({
        seeds: [
          '{"learning_rate": 0.0001, "network_dim": 8, "optimizer": "AdamW8bit", "optimizer_args": "weight_decay=0.1", "epoch": 1, "max_resolution": "512,512"}',
          '{"training_method": "LORA", "learning_rate": 0.0003, "epochs": 3, "optimizer": {"optimizer": "ADAMW"}, "concepts": [{"path": "x", "image": {}}]}',
          '[{"path": "a", "image": {"enable_crop_jitter": true}, "text": {}}]',
        ],
        words: [
          '"network_alpha": 4,',
          '"lr_scheduler": "cosine_with_restarts",',
          'null',
          '[[',
          '{"a":',
          '1e999',
          '"resolution": "512x768",',
        ],
      }),
      (text) => importSettings(text, { here: true }),
    ),
    textRow(
      'imported TOML',
      ['ConfigError'],
      1,
      () => ({
        seeds: [
          'pretrained_model_name_or_path = "C:/m.safetensors"\nlearning_rate = 1e-4\nnetwork_dim = 16\nresolution = "512,512"\noptimizer_args = ["weight_decay=0.01"]\n',
          '[general]\nenable_bucket = true\n[[datasets]]\nresolution = 512\n  [[datasets.subsets]]\n  image_dir = "a"\n  num_repeats = 10\n',
          'a = { b = 1 }\nd = 2024-01-01T00:00:00Z\ns = """x\n"""\nh = 0xff\n',
        ],
        words: [
          '[a.b.c]\n',
          '[[x]]\n',
          "'''",
          '"""',
          '\\u00',
          ' = ',
          'inf',
          'nan',
          '__proto__ = 1\n',
          '1_000',
          '# ',
        ],
      }),
      (text) => importSettings(text, { here: true }),
    ),
    textRow(
      'command line',
      ['ConfigError'],
      1,
      () => ({
        seeds: [
          'accelerate launch --num_cpu_threads_per_process 1 train_network.py --network_dim=16 --learning_rate 1e-4 \\\n  --optimizer_args weight_decay=0.1 betas=.9,.99 --resolution="512,512"\n',
          '@echo off\nset LR=1e-4\npython sd-scripts/train_network.py --learning_rate %LR% --output_name "a b" ^\n --flip_aug\n',
          'export RANK=32\n# x\npython "train_network.py" --network_dim $RANK --network_alpha ${RANK} && echo done\n',
        ],
        words: [
          '--',
          '--network_dim ',
          '\\\n',
          '^\n',
          '`\n',
          '"',
          "'",
          '$A',
          '%A%',
          '${',
          ';',
          '&&',
          ' = ',
          'A=',
          '\t',
        ],
      }),
      (text) => importSettings(text, { here: true }),
    ),
    textRow(
      'prompt with LoRAs',
      [],
      16,
      () => ({ seeds: promptSeeds, words: promptWords, longest: 60_000 }),
      (text, random) => {
        const { words, loras, problems } = parseLoraPrompt(text);
        promise(
          !/<lora:[^<>]*>/i.test(words) || loras.length + problems.length > 0,
          'a tag is left in the words',
        );
        promise(
          loras.every(({ weight }) => Number.isFinite(weight)),
          'a weight is no number',
        );
        const cursor = random.below(text.length + 1);
        const at = completionAt(text, cursor);
        if (at) complete(text, at, 'zk', 0.8);
        promise(isLoraName(loraNameOf(text)), 'a file has no name for a prompt');
      },
    ),
    textRow(
      'line of sample_prompts',
      [],
      12,
      () => ({ seeds: promptSeeds, words: promptWords, longest: 60_000 }),
      (text) => {
        const { width, height, steps, seed, guidance } = samplePicture(text, config, 0);
        promise(width % 64 === 0 && width >= 64 && width <= 2048, `width ${width}`);
        promise(height % 64 === 0 && height >= 64 && height <= 2048, `height ${height}`);
        promise(Number.isInteger(steps) && Number.isInteger(seed) && guidance >= 1, 'numbers out of range');
        promptNotes(text);
        isFileName(text);
      },
    ),
    textRow(
      'caption template',
      ['TemplateError'],
      10,
      () => ({
        seeds: [
          '[medium], {of a [subject]}, soft light',
          '{a [subject]} {[place]}, [ground]',
          'a  [subject]',
        ],
        words: ['[subject]', '[place]', '{', '}', '[', ']', ',', ' a ', ' an '],
        longest: 20_000,
      }),
      (text) => {
        const template = parseTemplate(text, ['subject', 'place', 'ground', 'medium']);
        fillTemplate(
          template,
          new Map([
            ['subject', 'apple'],
            ['place', ''],
          ]),
        );
      },
    ),
    linkRow(),
    tokenizerRow(),
  ];
}

const yamlSeeds = [
  '? a\n: b\n',
  'a: [1, {b: c}]\n',
  'a: &x [1]\nb: *x\n',
  'a: |\n  x\n  y\n',
  '- - - 1\n',
  '"a\\tb": !!str 1\n',
];
const yamlWords = [
  '? ',
  '- ',
  ': ',
  '[',
  '{',
  '&a ',
  '*a',
  '!!binary ',
  '|\n',
  '>\n',
  '"',
  "'",
  '---\n',
  '...\n',
  '%YAML 1.2\n',
  '# ',
  '<<: ',
  '~',
  '.inf',
  '0x1f',
  '\t',
  '\n  ',
];
const promptSeeds = [
  'zk, a red <lora:zk:0.8> circle on blue',
  'a house --n bad, blurry --w 512 --h 768 --d 42 --s 20 --l 7.5',
  '(a cat:1.2) BREAK <lora:a:1:0.5> ((b))',
  '<lora:一:1e3> <lyco:x:1>',
];
const promptWords = [
  '<lora:',
  ':1>',
  '>',
  '<',
  ' --n ',
  ' --w ',
  ' --d 99999999999',
  '(',
  ':1.2)',
  ')',
  ' AND ',
  'BREAK',
  '<lora:x>',
  '/',
  '.safetensors',
  ' ',
];

/** Links that unfold to JSON which was changed, and links of which letters were changed. */
function linkRow(): Row {
  const seeds = [
    '{"lora_rank":32,"learning_rate":0.0002,"base":"demo"}',
    '{"output_name":"x","__proto__":{"a":1}}',
    '{"resolution":1e400}',
  ].map((text) => new TextEncoder().encode(text));
  let links: readonly Uint8Array[] = [];
  return {
    name: 'share link',
    refusals: ['ShareLinkError'],
    share: 0.5,
    async prepare() {
      links = await Promise.all(seeds.map(async (seed) => new TextEncoder().encode(await linkOf(seed))));
    },
    case(random) {
      const json = random.oneIn(2)
        ? mutated(random, { seeds, words: ['"lora_rank":', '[[', '"unet_lr":null,'] })
        : undefined;
      const input = json ?? mutated(random, { seeds: links, words: ['#c=', '_', '-', '='], longest: 3000 });
      return {
        input,
        async read() {
          const hash = json ? await linkOf(json) : new TextDecoder().decode(input);
          const read = await readShareLink(hash);
          promise(Object.getPrototypeOf({}) === Object.prototype && !('a' in {}), 'a prototype was touched');
          for (const value of Object.values(meantByLink(read)))
            promise(typeof value !== 'number' || Number.isFinite(value), 'a number is none');
          promise(!Object.hasOwn(read.settings, 'output_name'), 'a text came with a link');
        },
      };
    },
  };
}

async function linkOf(json: Uint8Array): Promise<string> {
  const packed = new Blob([json as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('deflate-raw'));
  return linkMark + Buffer.from(await new Response(packed).arrayBuffer()).toString('base64url');
}

function tokenizerRow(): Row {
  let merges: string | undefined;
  let whole: Tokenizer | undefined;
  return textRow(
    'tokenizer',
    ['TokenizerError'],
    2,
    () => ({
      seeds: ['a photo of a cat, 4k', "it's <|startoftext|> 水墨画 ΣΑΣ", 'i n\nt h\na n\nr e\n'],
      words: ['<|endoftext|>', '<|STARTOFTEXT|>', "'re", '水', '\u0301', ' ', 'i n\n', '\n'],
      longest: 50_000,
    }),
    (text, random) => {
      merges ??= textIn('public/clip/merges.txt');
      whole ??= makeTokenizer(merges, 49408);
      const { vocabSize, encode } = whole;
      promise(
        encode(text).every((token) => Number.isInteger(token) && token >= 0 && token < vocabSize),
        'no such token',
      );
      makeTokenizer(text, 514 + random.size(12)).encode('in the an');
    },
  );
}
