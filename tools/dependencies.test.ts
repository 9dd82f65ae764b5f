/** docs/dependencies.md names what package.json names, at its version and licence, with a reason each. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dependencies, PAGE, page, REASONS } from './dependencies';

const written = readFileSync(PAGE, 'utf8');
/** Name, version, licence, last release, reason. */
const rows = [...written.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, ...fields]) => fields,
);

test('the page is what the script writes, but for the dates of releases', () => {
  const today = /on (\d{4}-\d{2}-\d{2})\./.exec(written)?.[1] ?? '';
  const dates = new Map(rows.map(([name, , , released]) => [name, released]));
  expect(page(today, (name) => dates.get(name) ?? 'no date')).toBe(written);
  for (const released of dates.values()) expect(released).toMatch(/^\d+\.\d+\.\d+, \d{4}-\d{2}-\d{2}$/);
});

test('each has a reason, and no reason is for what is not here', () => {
  const names = dependencies().map(({ name }) => name);
  expect(names.length).toBeGreaterThan(30);
  expect(Object.keys(REASONS).sort()).toEqual([...names].sort());
});

test('every licence lets the studio be given away', () => {
  for (const { name, licence } of dependencies())
    expect(licence, name).toMatch(/^(MIT|Apache-2\.0|ISC|BSD-[23]-Clause|MPL-2\.0|\(?MIT OR [\w.-]+\)?)$/);
});
