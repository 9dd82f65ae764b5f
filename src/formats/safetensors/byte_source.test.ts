import { expect, test } from 'vitest';
import { fromBytes, inWindows, type ByteSource } from './byte_source';

test('small pieces are read by the window, long ones as they are asked for; the bytes are the same', async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  const asked: [number, number][] = [];
  const counted: ByteSource = {
    byteLength: bytes.length,
    slice(start, end) {
      asked.push([start, end]);
      return fromBytes(bytes).slice(start, end);
    },
  };
  const source = inWindows(counted, 100);
  expect(source.byteLength).toBe(1000);
  for (const [start, end] of [
    [0, 10],
    [10, 60],
    [90, 110],
    [110, 110],
    [200, 300],
    [995, 1000],
    [50, 60],
  ])
    expect(new Uint8Array(await source.slice(start, end))).toEqual(bytes.slice(start, end));
  expect(asked).toEqual([
    [0, 100],
    [90, 190],
    [200, 300],
    [995, 1000],
    [50, 150],
  ]);
});
