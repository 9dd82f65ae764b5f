/**
 * A setting that nothing reads would be offered by the form, kept in files and shared in links, and do nothing: each is
 * read by the trainer or a tool. The compiler cannot know.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { configFields } from '../src/formats/config/config_fields';
import { settingsRead } from './settings_read';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NAMES: ReadonlySet<string> = new Set(Object.keys(configFields));

/** Files that go through the settings to check, write or carry them, and honour none. */
const CARRIERS = /\/(config|config_fields|config_format|config_values|share_link|save)\.ts$/;
/** Settings that are for the file alone. */
const FOR_THE_FILE = ['training_comment'];

test('every setting is read by the trainer or a tool', () => {
  const files = ['src/training', 'src/formats', 'workers', 'tools']
    .flatMap((room) =>
      readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' }).map((file) => `${room}/${file}`),
    )
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => !/\.(test|testing|cases)\.ts$/.test(file) && !CARRIERS.test(file));
  expect(files.length).toBeGreaterThan(100);
  const read = new Set(FOR_THE_FILE);
  for (const file of files)
    for (const name of settingsRead(readFileSync(join(ROOT, file), 'utf8'), NAMES)) read.add(name);
  expect([...NAMES].filter((name) => !read.has(name))).toEqual([]);
});

test.each([
  ['const rank = config.lora_rank;', ['lora_rank']],
  ['const rank = run.config.lora_rank + this.config.seed;', ['lora_rank', 'seed']],
  ["const rank = config['lora_rank'];", ['lora_rank']],
  ['const { lora_rank: rank, seed } = run.config;', ['lora_rank', 'seed']],
  ['function f({ seed }: Pick<TrainConfig, "seed">) { return seed; }', ['seed']],
  // Named, carried or written, but not read.
  ['const names = ["lora_rank"]; const roles = { lora_rank: "fixed" };', []],
  ['const rank = facts.lora_rank; const { seed } = facts;', []],
  ['const { default: d } = configFields.lora_rank;', []],
  ['function f({ seed }: Options) { return seed; }', []],
  ['const x = config.nothing_of_ours;', []],
])('of %s', (source, expected) => {
  expect([...settingsRead(source, NAMES)].sort()).toEqual(expected);
});
