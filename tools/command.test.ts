/** How commands end where they are typed wrongly or given a broken file: status, and a sentence that begins with no class. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { LoraError } from '../src/formats/lora/lora_error';
import { oneOf, optionsOf, sentenceOf, UsageError } from './command';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'command-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...words: string[]): { status: number | null; said: string } {
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'tools/run.ts', ...words], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, said: stderr };
}

test('an option that is not known is an error of usage', () => {
  const options = { args: ['--cases', '3'], options: { cases: { type: 'string' } } } as const;
  expect(optionsOf(options)).toMatchObject({ cases: '3' });
  expect(() => optionsOf({ ...options, args: ['--nope'] })).toThrow(UsageError);
  expect(() => oneOf('--mode', 'x', ['a', 'b'])).toThrow('--mode takes a, b, not "x".');
});

test('an error that is named is said by its sentence; one that should not come keeps its name', () => {
  expect(sentenceOf(new LoraError('no-modules', 'It holds no LoRA.'))).toBe('It holds no LoRA.');
  expect(sentenceOf(new TypeError('x is not a function'))).toMatch(
    /^TypeError: x is not a function\n {4}at /,
  );
});

test.each([
  ['handover', '--nonsense', 'Usage: npm run handover'],
  ['draws', '--nonsense', 'Usage: npm run draws'],
  ['lora', 'frob', '`npm run lora` alone says how it is used'],
])(
  '%s %s ends with 2',
  (command, word, how) => {
    const { status, said } = run(command, word);
    expect(status).toBe(2);
    expect(said).toContain(how);
    expect(said).not.toMatch(/^\w*Error:/);
  },
  120_000,
);

test.each([
  ['tools/test.ts', 'e2', "There is no part 'e2'. Say which parts to run: "],
  ['tools/test.ts', undefined, 'Say which parts to run: '],
  ['tools/setup.ts', '--nonsense', "There is no option '--nonsense'. Usage: npm run setup"],
])(
  '%s %s ends with 2',
  (script, word, how) => {
    const words = ['--import', 'tsx', script, ...(word === undefined ? [] : [word])];
    const { status, stderr } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^${how}`));
  },
  120_000,
);

test('usage ends with 2 and says how; a cut pretrained_lora is named, with 1', async () => {
  const { status, said } = run('label', '--input', folder, '--mode', 'nothing');
  expect(status).toBe(2);
  expect(said).toMatch(/^--mode takes only-empty, .*not "nothing"\.\n\nUsage: npm run label/);
  const red = { width: 64, height: 64, channels: 3, background: '#c02020' } as const;
  await sharp({ create: red }).png().toFile(join(folder, 'a.png'));
  const lora = join(folder, 'cut.safetensors');
  const golden = join(ROOT, 'reference', 'golden', 'tiny-sd15.safetensors');
  writeFileSync(lora, readFileSync(golden).subarray(0, 2000));
  const config = join(folder, 'run.yaml');
  writeFileSync(
    config,
    [
      `train_data_dir: ${JSON.stringify(folder)}`,
      `base_model: ${JSON.stringify(golden)}`,
      `output_dir: ${JSON.stringify(join(folder, 'out'))}`,
      `pretrained_lora: ${JSON.stringify(lora)}`,
      'resolution: 64\nmin_bucket_reso: 64\nmax_bucket_reso: 64\n',
    ].join('\n'),
  );
  const trained = run('train', '--plan', '--config', config);
  expect(trained.status).toBe(1);
  expect(trained.said).toMatch(new RegExp(`^pretrained_lora "${lora}": .*At byte`));
}, 120_000);
