import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { readOnnxFile } from './onnx_file';

const demo = new Uint8Array(readFileSync(new URL('../../../public/demo/clip_text.onnx', import.meta.url)));
const text = (...parts: (string | number[])[]) =>
  fromBytes(
    Uint8Array.from(
      parts.flatMap((part) => (typeof part === 'string' ? [...part].map((c) => c.charCodeAt(0)) : part)),
    ),
  );
const problem = async (source: Parameters<typeof readOnnxFile>[0]) => {
  const reading = await readOnnxFile(source);
  return reading.ok ? 'none' : reading.problem;
};

describe('readOnnxFile', () => {
  it('takes a model and what its makers wrote beside it', async () => {
    const reading = await readOnnxFile(fromBytes(demo));
    expect(reading).toMatchObject({ ok: true, irVersion: 8 });
    expect(reading.ok && Number(reading.metadata.get('logit_scale'))).toBeGreaterThan(1);
  });

  it('names what people take for a model', async () => {
    expect(await problem(fromBytes(new Uint8Array()))).toBe('empty');
    expect(await problem(text([40, 1, 0, 0, 0, 0, 0, 0], '{"__metadata__":{}}'))).toBe('safetensors');
    expect(await problem(text('PK', [3, 4], 'archive/data.pkl'))).toBe('pickle');
    expect(await problem(text([0x80, 2], '}q.'))).toBe('pickle');
    expect(await problem(text('\n<!DOCTYPE html><html>'))).toBe('web-page');
    expect(await problem(text('version https://git-lfs.github.com/spec/v1\n'))).toBe('pointer');
    expect(await problem(text('tag_id,name,category,count\n'))).toBe('not-onnx');
    expect(await problem(fromBytes(new Uint8Array(1000)))).toBe('not-onnx');
  });

  it('sees that a download stopped half-way, wherever it did', async () => {
    for (const share of [0.999, 0.5, 0.01]) {
      const part = demo.subarray(0, Math.floor(demo.length * share));
      expect(await problem(fromBytes(part))).toBe('cut-short');
    }
    expect(await problem(fromBytes(Uint8Array.from([...demo, 0, 0, 0])))).toBe('cut-short');
  });

  it('never throws and reads little, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.boolean(), async (bytes, begun) => {
        const all = begun ? Uint8Array.from([8, 8, ...bytes]) : bytes;
        expect(typeof (await readOnnxFile(fromBytes(all))).ok).toBe('boolean');
      }),
      { numRuns: 300 },
    );
    // A length beyond any file is not allocated.
    const huge = text([8, 8, 0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(await problem(huge)).toBe('cut-short');
  });

  it('tells which further files the weights lie in, wherever the tensor is', async () => {
    const names = async (source: Parameters<typeof readOnnxFile>[0]) => {
      const reading = await readOnnxFile(source);
      return reading.ok ? reading.external : reading.problem;
    };
    expect(await names(fromBytes(demo))).toEqual([]);
    const tensor = (name: string, raw = 0) => [
      ...held(9, new Array<number>(raw).fill(8)),
      ...held(13, [...held(1, [...'location'].map(code)), ...held(2, [...name].map(code))]),
      ...held(13, [...held(1, [...'offset'].map(code)), ...held(2, [...'16'].map(code))]),
    ];
    const model = (graph: number[]) => fromBytes(Uint8Array.from([8, 8, ...held(7, graph)]));
    expect(
      await names(model([...held(5, tensor('model.onnx_data')), ...held(5, tensor('model.onnx_data'))])),
    ).toEqual(['model.onnx_data']);
    // Behind weights of more than one window; in a node's attribute; in the branch of a condition.
    const branch = held(1, held(5, held(6, held(5, tensor('branch.onnx.data')))));
    expect(
      await names(
        model([
          ...held(5, tensor('a.bin', 200_000)),
          ...held(1, held(5, held(5, tensor('folder/b.data')))),
          ...branch,
        ]),
      ),
    ).toEqual(['a.bin', 'folder/b.data', 'branch.onnx.data']);
    // A tensor that claims more than the graph has; a graph in a graph without end.
    const beyond = [...held(5, tensor('a.bin')), (5 << 3) | 2, 0xff, 0xff, 0x03, 1, 2];
    expect(await names(model(beyond))).toEqual(['a.bin']);
    let deep: number[] = tensor('deep.bin');
    for (let i = 0; i < 40; i++) deep = held(1, held(5, held(6, deep)));
    expect(await names(model(deep))).toEqual([]);
  });
});

const code = (c: string) => c.charCodeAt(0);

/** A field of a length and as many bytes. */
function held(field: number, bytes: readonly number[]): number[] {
  const length: number[] = [];
  let left = bytes.length;
  do {
    length.push((left & 127) | (left > 127 ? 128 : 0));
    left >>= 7;
  } while (left > 0);
  return [(field << 3) | 2, ...length, ...bytes];
}
