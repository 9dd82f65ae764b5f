/**
 * Halves on the GPU to codes of `frozen.ts`, so that no loop of the host runs over billions of weights. int8: 127 w / absmax
 * rounded to the nearest, halves to the even one, as `numpy.round` does in float64. nf4: the nearest of sixteen numbers; where
 * two are as near, the lower one, as in bitsandbytes. A block of zeros has the codes of zero.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { dispatch, groups1d, LINEAR_GROUP, program } from '../program';
import { BLOCK, NF4, wordsAlong, type Quantized } from './frozen';

export interface Stretch {
  /** Which block of the weight is the first of these: even, as two share a word of magnitudes. */
  firstBlock: number;
  blocks: number;
  /** In the whole weight. */
  allBlocks: number;
}

/** Writes the codes and magnitudes of `blocks` blocks: `halves` int32 words, 32 a block; `weight` as `weightShape` has it. */
export function quantize(
  storage: Quantized,
  halves: TensorInfo,
  weight: TensorInfo,
  { firstBlock, blocks, allBlocks }: Stretch,
): void {
  if (firstBlock % 2) throw new RangeError(`Quantizing from block ${firstBlock} on: it must be an even one.`);
  const words = wordsAlong(storage, BLOCK);
  const pairs = Math.ceil(blocks / 2);
  dispatch(
    program(`quantize-${storage}`, () => ({
      inputs: { halves: 'u32' },
      outputs: { weight: 'u32' },
      params: { blocks: 'u32', codesAt: 'u32', magnitudesAt: 'u32' },
      wgsl: quantizeWgsl(storage),
    })),
    [halves, weight],
    { blocks, codesAt: firstBlock * words, magnitudesAt: allBlocks * words + firstBlock / 2 },
    groups1d(Math.ceil(pairs / 64)),
    4 * blocks * BLOCK,
  );
}

/**
 * A thread makes two blocks, whose magnitudes share a word. Those are compared as bits, and a code is settled by products that
 * are exact in f32 (11 bits times 8), for WGSL's division is not.
 */
function quantizeWgsl(storage: Quantized): string {
  const words = wordsAlong(storage, BLOCK);
  const halfWords = BLOCK / 2 / words;
  const codes = Array.from({ length: halfWords }, (_, k) => {
    const pair = `unpack2x16float(halves[start + ${halfWords}u * j + ${k}u])`;
    const bits = 32 / (2 * halfWords);
    return `{ let v = ${pair};
      word |= (code(v.x, scale) << ${2 * k * bits}u) | (code(v.y, scale) << ${(2 * k + 1) * bits}u); }`;
  });
  return `${LINEAR_GROUP}
${CODE[storage]}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  let pair = linearGroup(wid, nwg) * 64u + lid;
  if (2u * pair >= p.blocks) { return; }
  var magnitudes = 0u;
  for (var block = 2u * pair; block < min(2u * pair + 2u, p.blocks); block++) {
    let start = block * ${BLOCK / 2}u;
    var most = 0u;
    for (var i = 0u; i < ${BLOCK / 2}u; i++) {
      let w = halves[start + i];
      most = max(most, max(w & 0x7fffu, (w >> 16u) & 0x7fffu));
    }
    let scale = unpack2x16float(most).x;
    for (var j = 0u; j < ${words}u; j++) {
      var word = 0u;
      ${codes.join('\n      ')}
      weight[p.codesAt + block * ${words}u + j] = word;
    }
    magnitudes |= most << (16u * (block & 1u));
  }
  weight[p.magnitudesAt + pair] = magnitudes;
}`;
}

/** Halfway between neighbours, as f32. */
const MIDPOINTS = NF4.slice(1).map((high, i) => Math.fround((high + NF4[i]) / 2));

const CODE: Readonly<Record<Quantized, string>> = {
  int8: `fn code(w: f32, scale: f32) -> u32 {
  if (scale == 0.0) { return 0u; }
  let twice = 254.0 * abs(w);
  var q = floor(0.5 * twice / scale + 0.5);
  let odd = fract(0.5 * q) != 0.0;
  let above = (2.0 * q + 1.0) * scale;
  let below = (2.0 * q - 1.0) * scale;
  if (twice > above || (twice == above && odd)) { q += 1.0; }
  else if (twice < below || (twice == below && odd)) { q -= 1.0; }
  return u32(i32(select(q, -q, w < 0.0))) & 0xffu;
}`,
  nf4: `fn code(w: f32, scale: f32) -> u32 {
  if (scale == 0.0) { return ${NF4.indexOf(0)}u; }
  return ${MIDPOINTS.map((at) => `u32(w > ${at} * scale)`).join(' + ')};
}`,
};
