/**
 * Trainable parameters and their gradients as flat f32 vectors, so that the optimizer is a few dispatches. The backward
 * pass gives each module's gradient as a tensor of its own; here they are added up, several tensors a dispatch.
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
    const tensors = [...batch.map(({ tensor }) => tensor), flat];
    dispatch(accumulate(batch.length), tensors, params, groups1d(Math.ceil(end / LANES)), end);
  }
}

// ---------------------------------------------------------------------------------------------------------------

const LANES = 256;
/** With the flat tensor, WebGPU's guaranteed eight storage buffers. */
const BATCH = 7;

/** Each lane finds its span among the ends, and adds at index j of it. */
function accumulate(count: number): Program {
  const spans = Array.from({ length: count }, (_, k) => k);
  return program(`accumulateInto/${count}`, () => ({
    inputs: named(count, 'f32'),
    outputs: { flat: 'f32' },
    params: { ...named(count, 'u32', 'end'), ...named(count, 'u32', 'offset') },
    wgsl: `
${LINEAR_GROUP}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linearGroup(wid, nwg) * ${LANES}u + lane;
${spans.map((k) => `  if (i < p.end${k}) { let j = i${k ? ` - p.end${k - 1}` : ''}; let at = p.offset${k} + j; flat[at] = flat[at] + t${k}[j]; return; }`).join('\n')}
}`,
  }));
}

function named<T extends string>(count: number, type: T, prefix = 't'): Record<string, T> {
  return Object.fromEntries(Array.from({ length: count }, (_, k) => [`${prefix}${k}`, type]));
}

function sizeOf(tensor: TensorInfo): number {
  return tensor.shape.reduce((product, n) => product * n, 1);
}
