import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { licenceOf, packageFolder } from './notices';

const installed = (name: string) => fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url));

test.each([
  ['/r/node_modules/svelte/src/index.js', '/r/node_modules/svelte'],
  ['/r/node_modules/@tensorflow/tfjs-core/dist/x.js', '/r/node_modules/@tensorflow/tfjs-core'],
  ['\0/r/node_modules/a/node_modules/b/c.js?commonjs', '/r/node_modules/a/node_modules/b'],
  ['/r/src/main.ts', undefined],
  ['\0vite/preload-helper', undefined],
])('%j belongs to %j', (id, folder) => {
  expect(packageFolder(id)).toBe(folder);
});

test('a package with a licence file is quoted', () => {
  expect(licenceOf(installed('svelte')).text).toContain('Svelte Contributors');
});

test('a package without one gets the text of the licence it names', () => {
  const { text, licence } = licenceOf(installed('@tensorflow/tfjs-layers'));
  expect(licence).toBe('Apache-2.0 AND MIT');
  expect(text).toContain('Copyright Google LLC');
  expect(text).toContain('Version 2.0, January 2004');
  expect(text).toContain('Permission is hereby granted, free of charge');
  expect(text).not.toContain('LoRA Studio');
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'notices-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('an unknown licence without a text stops the build', () => {
  writeFileSync(join(folder, 'package.json'), '{"name":"odd","version":"1.0.0","license":"Odd-1.0"}');
  expect(() => licenceOf(folder)).toThrow(/odd.*'Odd-1.0' is not known/);
});
