/**
 * Settings of every program, each file of our own writing in fixtures/settings: what is taken with which value, what is
 * changed and why, what is left out and why, what is said first. `expected.json` has been read, line by line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkConfig, defaultConfig } from '../config/config';
import { entriesOf, readTree } from './flat_config';
import { importSettings, type ImportedSettings } from './import_settings';
import { changeReasons, leftReasons, programs, warningWords } from './import_words';

const folder = new URL('../fixtures/settings/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const files = readdirSync(folder).filter((name) => name !== 'expected.json');
const expected = JSON.parse(read('expected.json')) as Readonly<Record<string, unknown>>;

/** In the form of expected.json. */
function summary({ program, settings, changed, left, warnings, assumed }: ImportedSettings): unknown {
  const by = (items: readonly { key: string; why: string }[]) =>
    Object.fromEntries(
      [...new Set(items.map(({ why }) => why))]
        .sort()
        .map((why) => [why, items.filter((each) => each.why === why).map(({ key }) => key)]),
    );
  return {
    program,
    settings,
    warnings: warnings.map(({ code, name, ruins }) => `${ruins ? 'ruins' : 'says'} ${code}: ${name}`),
    changed: by(changed),
    left: by(left),
    assumed: assumed.map(({ field }) => field),
  };
}

it('has twenty files and more, of every program that is read from text', () => {
  expect(files.length).toBeGreaterThanOrEqual(20);
  const found = new Set(files.map((name) => importSettings(read(name)).program));
  const texts = Object.keys(programs).filter((name) => !name.startsWith('lora') || name === 'lora-scripts');
  expect([...found].sort()).toEqual(texts.sort());
});

describe.each(files)('%s', (name) => {
  const found = importSettings(read(name), { yours: defaultConfig() });

  it('is as expected', () => expect(JSON.parse(JSON.stringify(summary(found)))).toEqual(expected[name]));

  it('has every name in exactly one list', () => {
    const listed = [...found.taken, ...found.changed, ...found.left].map(({ key }) => key);
    expect(new Set(listed).size).toBe(listed.length);
    for (const { path } of entriesOf(readTree(read(name)).tree)) {
      const leaf = path.slice(path.lastIndexOf('.') + 1);
      const at = listed.filter(
        (key) => key === path || key === leaf || key === `(root).${path}` || key.startsWith(`${leaf} `),
      );
      expect(at.length, path).toBeGreaterThan(0);
    }
  });

  it('gives a configuration, and no rate that ruins it', () => {
    const config = checkConfig({ ...defaultConfig(), ...found.settings });
    const highest = config.optimizer === 'lion' ? 3e-4 : 3e-3;
    for (const rate of [config.learning_rate, config.unet_lr, config.text_encoder_lr])
      expect(rate ?? 0).toBeLessThanOrEqual(highest);
  });

  it('is said in both languages, and no secret is', () => {
    const words = [
      programs[found.program],
      ...found.warnings.map(warningWords),
      ...found.changed.map(({ why }) => changeReasons[why]),
      ...found.left.map(({ why }) => leftReasons[why]),
    ];
    for (const { en, zh } of words) expect([en !== '', /\p{Script=Han}/u.test(zh)]).toEqual([true, true]);
    expect(JSON.stringify(found)).not.toContain('do-not-show');
  });
});
