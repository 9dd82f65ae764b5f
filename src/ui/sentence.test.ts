/** Errors are said in both languages: English by themselves, Chinese by name, code and facts. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { InvalidBucketConfigError, UnusableImageSizeError } from '../formats/dataset/buckets';
import { CheckpointError } from '../formats/checkpoint/checkpoint_kind';
import { LoraError } from '../formats/lora/lora_error';
import { SafetensorsError } from '../formats/safetensors/safetensors_error';
import { TokenizerError } from '../formats/captions/tokenizer';
import { ZipError } from '../formats/zip/zip_error';
import { DownloadError } from '../storage/download_error';
import { plainError, StorageFullError } from '../storage/error';
import { failedSave, failedWrite } from '../storage/failed_write';
import { translatedSentences } from './translated_sentences.svelte';
import { sentencesZh } from './error_sentences';
import { language } from './language.svelte';
import { PictureMissingError } from './picture_missing';
import { PageError } from './page_error';
import { sentenceOf, sentenceOfTold } from './sentence';
import { BaseModelUnreadable } from './base_unreadable';
import { PictureGoneError } from './runs/run_job';

beforeAll(() => translatedSentences.load('zh'));
afterEach(() => language.set('en'));

const thrown: Error[] = [
  new CheckpointError('kind', { kind: 'sdxl' }, 'This is an SDXL checkpoint.'),
  new CheckpointError('kind', { kind: 'unet', lacks: ['vae', 'text1'] }, 'This holds the U-Net alone.'),
  new SafetensorsError('truncated', 'The file ends too early.', 8, '9 bytes', '8 bytes'),
  new ZipError('overlap', 'In this zip two files lie over each other.'),
  // As it comes from the trainer's worker.
  Object.assign(new Error('U-Net: "conv_in.weight" is missing.'), {
    name: 'CheckpointShapeError',
    code: 'shape',
    facts: { found: 'U-Net: "conv_in.weight" is missing.' },
  }),
  new LoraError('missing-half', 'A half is missing.', 'lora_unet_x'),
  new LoraError('wrong-rank', { en: 'It has rank 64.', zh: '它的秩为 64。' }),
  new DownloadError('missing', { host: 'example.org', status: 404 }),
  new StorageFullError({ what: 'model.safetensors', needed: 4.3e9, used: 12e9 }),
  await failedWrite('the project', 0, new Error('disk')),
  plainError('not-kept-private', { what: 'the run', reason: 'denied' }, undefined),
  plainError('unreadable', { file: 'base.safetensors', reason: 'unplugged' }, undefined),
  failedSave('zk.safetensors', 25e6, new DOMException('x', 'QuotaExceededError')),
  failedSave('zk.safetensors', 25e6, new DOMException('blocked', 'AbortError')),
  new BaseModelUnreadable('moved', 'photon', 'photon is no longer where it was.'),
  new BaseModelUnreadable('visit', 'pony', 'This browser does not remember where pony lies.'),
  new PictureGoneError('cat.png'),
  new InvalidBucketConfigError('outside', { width: 512, height: 512, minSize: 576, maxSize: 1024 }),
  new UnusableImageSizeError([300, 40], 64, 'strip.png'),
  new PageError('no-demo-file', { file: 'sets.json', status: 404 }),
  new PageError('no-demo-file', { file: 'sets.json', status: 0 }),
  new PageError('no-word-list', {}),
  new PictureMissingError('dog.png'),
  new TokenizerError('merge', 'The list of merges is damaged.'),
  ...Object.entries({
    size: { width: 500, height: 512 },
    steps: { steps: 0, guidance: 7.5 },
    seed: { seed: -1 },
    sampler: { sampler: 'magic' },
  }).map(([code, facts]) =>
    Object.assign(new Error('That cannot be drawn.'), { name: 'DrawRequestError', code, facts }),
  ),
  Object.assign(new Error('A sample prompt has 300 tokens.'), {
    name: 'LongPrompt',
    code: 'cut',
    facts: { tokens: 300, text: 'a house' },
  }),
  ...[false, true].map((quantized) =>
    Object.assign(new Error('This run needs 2 GB.'), {
      name: 'MemoryBudgetError',
      code: 'budget',
      facts: { neededBytes: 2e9, budgetBytes: 1e9, quantized },
    }),
  ),
  ...[0, 72].map((anew) =>
    Object.assign(new Error('It has ranks 2 to 8.'), {
      name: 'KeptRanks',
      code: 'kept',
      facts: { least: 2, most: 8, anew },
    }),
  ),
  ...Object.entries({ found: { found: 3, pictures: 12 }, damaged: { count: 2 } }).map(([code, facts]) =>
    Object.assign(new Error('Latents are there.'), { name: 'KeptLatents', code, facts }),
  ),
  new ZipError('too-much', 'These pictures are more than a zip takes.'),
];

test.each(thrown.map((error) => [error.name, error] as const))('%s', (_, error) => {
  expect(sentenceOf(error)).toBe(error.message);
  language.set('zh');
  expect(sentenceOf(error)).toMatch(/\p{Script=Han}.*。/u);
  // As it comes out of a worker: an Error with name, code and facts.
  const { name, message } = error;
  const { code, facts } = error as Error & { code: unknown; facts: unknown };
  const carried = Object.assign(new Error(message), { name, code, facts });
  expect(sentenceOf(carried)).toBe(sentenceOf(error));
});

test('facts are said: who, what and how much', () => {
  language.set('zh');
  expect(thrown.map(sentenceOf)).toEqual([
    expect.stringContaining('SDXL'),
    expect.stringContaining('VAE、文本编码器'),
    expect.stringContaining('第 8 字节'),
    expect.stringContaining('重叠'),
    expect.stringContaining('conv_in.weight'),
    expect.stringContaining('lora_unet_x'),
    '它的秩为 64。',
    expect.stringMatching(/example\.org.*404/),
    expect.stringMatching(/model\.safetensors（4\.3 GB）.*12\.0 GB/),
    expect.stringMatching(/项目.*disk/),
    expect.stringMatching(/训练记录.*denied.*无痕窗口/),
    expect.stringMatching(/base\.safetensors.*unplugged/),
    expect.stringMatching(/没有空间.*zk\.safetensors（25 MB）/),
    expect.stringMatching(/zk\.safetensors.*blocked/),
    expect.stringContaining('photon'),
    expect.stringMatching(/不会记住 pony/),
    expect.stringContaining('cat.png'),
    expect.stringMatching(/512.*576/),
    expect.stringMatching(/strip\.png.*300.*64/),
    expect.stringMatching(/sets\.json.*404/),
    expect.stringMatching(/sets\.json.*没有网络/),
    expect.stringContaining('CLIP'),
    expect.stringContaining('dog.png'),
    'CLIP 的词表已损坏。请刷新页面后重试。',
    '无法绘制 500 × 512 的图片：边长须为 64 的倍数，且在 64 到 2048 之间。',
    '无法以 0 步、引导强度 7.5 绘制：步数须为 1 到 1000，引导强度须为 1 到 30。',
    '种子 -1 不可用：须为不小于 0 的整数。',
    '没有名为“magic”的采样器。',
    '有提示词含 300 个 token，只读取前 225 个：“a house…”。',
    expect.stringMatching(/秩，把 base_precision 设为 int8，提高/),
    expect.stringMatching(/秩，提高/),
    '所继续训练的 LoRA 各层的秩为 2 到 8：每层保留自己的秩和 alpha，设置中的 lora_rank 和 lora_alpha 不起作用。',
    expect.stringContaining('（它尚未训练的部分有 72 层除外）'),
    expect.stringMatching(/12 张图片中有 3 张/),
    expect.stringContaining('2 份已损坏'),
    expect.stringContaining('4 GB'),
  ]);
});

test('what a run survived is told with name, code and facts, and said in either language', () => {
  const failed = new CheckpointError('kind', { kind: 'sdxl' }, 'This is an SDXL checkpoint.');
  const { name, code, facts, message: sentence } = failed;
  const event = { sentence, error: { name, code, facts } };
  expect(sentenceOfTold(event)).toBe('This is an SDXL checkpoint.');
  language.set('zh');
  expect(sentenceOfTold(event)).toBe(sentenceOf(failed));
  expect(sentenceOfTold(event)).toMatch(/\p{Script=Han}/u);
  expect(sentenceOfTold({ sentence: 'boom' })).toBe('boom');
});

test('what is not known, or not ours, is said as it is', () => {
  language.set('zh');
  expect(sentenceOf(new Error('boom'))).toBe('boom');
  expect(sentenceOf('boom')).toBe('boom');
  const odd = Object.assign(new Error('boom'), { name: 'StorageError', code: 'toString', facts: {} });
  expect(sentenceOf(odd)).toBe('boom');
});

test('every code has a Chinese sentence that ends', () => {
  for (const [name, codes] of Object.entries(sentencesZh)) {
    for (const [code, say] of Object.entries(codes) as [string, (facts: object) => string][]) {
      const sentence = say({
        kind: 'sd1',
        part: 'vae',
        host: 'h',
        expected: 'e',
        got: 'g',
        picture: 'p',
        what: 'w',
        changes: [
          { what: 'base' },
          { what: 'setting', name: 'noise_offset', was: '0', now: '0.1' },
          { what: 'pictures', how: 'content', count: 4, names: ['a.png'] },
        ],
      });
      expect(sentence, `${name} ${code}`).toMatch(/\p{Script=Han}.*。$/u);
    }
  }
});
