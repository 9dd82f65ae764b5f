import { expect, test } from 'vitest';
import { packRows, unpackRows } from './packed_rows';

test.each([
  ['none', []],
  [
    'empty captions, letters of two units, lines out of order',
    [
      { file: '猫.png', text: '😀 a cat', line: 7 },
      { file: 'b', text: '', line: 2 },
      { file: '', text: 'x', line: 1 },
    ],
  ],
  [
    'five thousand',
    Array.from({ length: 5000 }, (_, i) => ({ file: `${i}.png`, text: 'a'.repeat(i % 9), line: i })),
  ],
])('rows come over as they were: %s', async (_, rows) => {
  expect(await unpackRows(structuredClone(packRows(rows)))).toEqual(rows);
});
