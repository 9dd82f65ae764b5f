import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { circles, importGraph, mermaid } from './graph';

const imports = importGraph();

test('no file imports itself by a way round', () => {
  expect(imports.size).toBeGreaterThan(500);
  expect(circles(imports)).toEqual([]);
});

test('a circle would be seen', () => {
  const made = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['a']],
    ['d', []],
    ['e', ['e']],
  ]);
  expect(circles(made)).toEqual([['a', 'b', 'c'], ['e']]);
});

test('Svelte components and workers are followed', () => {
  expect(imports.get('src/App.svelte')).toContain('src/ui/shell/Rail.svelte');
  expect(imports.get('workers/trainer.worker.ts')).toContain('src/training/loop/job.ts');
});

test('ARCHITECTURE.md shows the graph as it is', () => {
  const page = readFileSync(new URL('../ARCHITECTURE.md', import.meta.url), 'utf8');
  // `npm run graph -- --write` writes it there.
  for (const { text } of mermaid(imports)) expect(page).toContain(text);
});
