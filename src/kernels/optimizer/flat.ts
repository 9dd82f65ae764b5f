/**
 * Trainable parameters and their gradients as one flat f32 tensor each, so that the optimizer is one dispatch. Modules
 * keep tensors of their own for the forward pass; here is the traffic between the two, several tensors a dispatch.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { dispatch, groups1d, LINEAR_GROUP, program, type Program } from '../program';
import { ShapeError } from '../pointwise/elementwise';

/** A tensor and where its elements lie in the flat one. */
export interface Span {
  tensor: TensorInfo;
  offset: number;
}

/** flat[offset + i] += tensor[i] for every span. Spans of one call must not overlap. */
export function accumulateInto(flat: TensorInfo, spans: readonly Span[]): void {
  inBatches(flat, spans, accumulate, (tensors) => [...tensors, flat]);
}

/** tensor[i] = flat[offset + i] for every span; the tensors live on. */
export function copyOut(flat: TensorInfo, spans: readonly Span[]): void {
  inBatches(flat, spans, copy, (tensors) => [flat, ...tensors]);
}

// ---------------------------------------------------------------------------------------------------------------

const LANES = 256;
/** With the flat tensor, WebGPU's guaranteed eight storage buffers. */
const BATCH = 7;

function inBatches(
  flat: TensorInfo,
  spans: readonly Span[],
  programOf: (count: number) => Program,
  bind: (tensors: TensorInfo[]) => TensorInfo[],
): void {
  for (let start = 0; start < spans.length; start += BATCH) {
    const batch = spans.slice(start, start + BATCH);
    const params: Record<string, number> = {};
    let end = 0;
    batch.forEach(({ tensor, offset }, k) => {
      const size = sizeOf(tensor);
      if (offset < 0 || offset + size > sizeOf(flat)) {
        throw new ShapeError(
          `A span of ${size} elements at ${offset} lies outside the flat tensor of ${sizeOf(flat)}.`,
        );
      }
      end += size;
      params[`end${k}`] = end;
      params[`offset${k}`] = offset;
    });
    const groups = groups1d(Math.ceil(end / LANES));
    dispatch(programOf(batch.length), bind(batch.map(({ tensor }) => tensor)), params, groups, end);
  }
}

const accumulate = (count: number) =>
  program(`accumulateInto/${count}`, () => ({
    inputs: named(count, 'f32'),
    outputs: { flat: 'f32' },
    ...body(count, (k) => `let at = p.offset${k} + j; flat[at] = flat[at] + t${k}[j];`),
  }));

const copy = (count: number) =>
  program(`copyOut/${count}`, () => ({
    inputs: { flat: 'f32' },
    outputs: named(count, 'f32'),
    ...body(count, (k) => `t${k}[j] = flat[p.offset${k} + j];`),
  }));

/** Each lane finds its span among the ends, then does `work(k)` at index j of it. */
function body(count: number, work: (k: number) => string) {
  const spans = Array.from({ length: count }, (_, k) => k);
  return {
    params: { ...named(count, 'u32', 'end'), ...named(count, 'u32', 'offset') },
    wgsl: `
${LINEAR_GROUP}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linearGroup(wid, nwg) * ${LANES}u + lane;
${spans.map((k) => `  if (i < p.end${k}) { let j = i${k ? ` - p.end${k - 1}` : ''}; ${work(k)} return; }`).join('\n')}
}`,
  };
}

function named<T extends string>(count: number, type: T, prefix = 't'): Record<string, T> {
  return Object.fromEntries(Array.from({ length: count }, (_, k) => [`${prefix}${k}`, type]));
}

function sizeOf(tensor: TensorInfo): number {
  return tensor.shape.reduce((product, n) => product * n, 1);
}
