/** Shares of a stacked projection, and a matrix that is stored the other way round, as SDXL's files have them. */
import { expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { readHeader } from '../../formats/safetensors/safetensors';
import { writeSafetensors } from '../../formats/safetensors/safetensors_write';
import { bytesOf, shapeOf, turned, type Located } from './located';

const values = Float32Array.from({ length: 12 }, (_, i) => i);
const source = fromBytes(
  writeSafetensors([
    { name: 'before', dtype: 'F32', shape: [1], data: new Uint8Array(4) },
    { name: 'stacked', dtype: 'F32', shape: [6, 2], data: new Uint8Array(values.buffer) },
  ]),
);
const entry = (await readHeader(source)).tensors.get('stacked');

async function taken(how: Pick<Located, 'rows' | 'transposed'>) {
  if (!entry) throw new Error('The file lacks its tensor.');
  const at = { source, entry, ...how };
  return { shape: shapeOf(at), values: [...turned(new Float32Array(await bytesOf(at)), at)] };
}

test('a tensor as it is, the second of three shares of its rows, its transpose, and that of a share', async () => {
  expect(await taken({})).toEqual({ shape: [6, 2], values: [...values] });
  expect(await taken({ rows: { index: 1, of: 3 } })).toEqual({ shape: [2, 2], values: [4, 5, 6, 7] });
  expect(await taken({ transposed: true })).toEqual({
    shape: [2, 6],
    values: [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11],
  });
  expect(await taken({ rows: { index: 2, of: 3 }, transposed: true })).toEqual({
    shape: [2, 2],
    values: [8, 10, 9, 11],
  });
});

test('a file that is cut short is said, with the share that was wanted', async () => {
  if (!entry) throw new Error('The file lacks its tensor.');
  const cut = { byteLength: source.byteLength, slice: (start: number) => source.slice(start, start + 3) };
  const at = { source: cut, entry, rows: { index: 1, of: 3 } };
  await expect(bytesOf(at)).rejects.toThrow(
    `"stacked" at byte ${entry.start + 16}: 16 bytes expected, 3 read`,
  );
});
