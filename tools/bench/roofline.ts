/**
 * The adapter's ceilings, measured and not read from a data sheet: multiply-adds a second in registers, in f32 and f16,
 * and bytes a second through a copy. What Williams et al. 2009 call the roofline.
 */
import { gpu } from '../../src/kernels/device';
import { dispatch, groups1d, LINEAR_GROUP, program } from '../../src/kernels/program';
import { Scratch } from './fill';
import { timeOperations, type TimingPlan } from './timing';

export interface Roofline {
  f32Gflops: number;
  /** Null where the tier has no f16. */
  f16Gflops: number | null;
  /** The higher of the two: what shares are taken of. */
  gflops: number;
  /** WGSL's `fma` or `a * b + c`, whichever was faster, by precision. */
  written: Record<string, 'fma' | 'product and sum'>;
  /** Read and written bytes together. */
  copyGbPerSecond: number;
  copyBytes: number;
}

export async function measureRoofline(copyBytes: number, plan: TimingPlan): Promise<Roofline> {
  // A ceiling is the best of many tries; kernels are judged by their median.
  const timing = { ...plan, batches: 9 };
  const written: Roofline['written'] = {};
  const best = async (type: 'f32' | 'f16') => {
    const fused = await multiplyAdds(type, true, timing);
    const separate = await multiplyAdds(type, false, timing);
    written[type] = fused >= separate ? 'fma' : 'product and sum';
    return Math.max(fused, separate);
  };
  const f32Gflops = await best('f32');
  const f16Gflops = gpu().f16 ? await best('f16') : null;
  const bytes = Math.min(copyBytes, gpu().device.limits.maxStorageBufferBindingSize);
  return {
    f32Gflops,
    f16Gflops,
    gflops: Math.max(f32Gflops, f16Gflops ?? 0),
    written,
    copyGbPerSecond: await copy(bytes, timing),
    copyBytes: bytes,
  };
}

/** Eight chains of vec4 a thread: enough independent work to hide an ALU's latency, few enough to stay in registers. */
const CHAINS = 8;
const UNROLLED = 8;
const FLOPS_A_TURN = CHAINS * UNROLLED * 4 * 2;

async function multiplyAdds(type: 'f32' | 'f16', fused: boolean, timing: TimingPlan): Promise<number> {
  // A CPU gets less to do: its dispatches cannot be interrupted.
  const groups = gpu().software ? 64 : 4096;
  const turns = gpu().software ? 64 : 256;
  const threads = 64 * groups;
  const scratch = new Scratch();
  const out = scratch.floats(threads);
  const chains = Array.from({ length: CHAINS }, (_, c) => c);
  const step = (c: number) => (fused ? `c${c} = fma(c${c}, a, b);` : `c${c} = c${c} * a + b;`);
  const shader = program(`bench-fma-${type}-${fused ? 'fused' : 'separate'}`, () => ({
    inputs: {},
    outputs: { y: 'f32' },
    params: { turns: 'u32', factor: 'f32', offset: 'f32' },
    f16: type === 'f16',
    wgsl: `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let a = vec4<${type}>(${type}(p.factor));
  let b = vec4<${type}>(${type}(p.offset));
  ${chains.map((c) => `var c${c} = vec4<${type}>(${type}(f32((id.x + ${c}u) % 97u) * 0.01));`).join('\n  ')}
  for (var turn = 0u; turn < p.turns; turn++) {
    ${Array.from({ length: UNROLLED }, () => chains.map(step).join(' ')).join('\n    ')}
  }
  let sum = ${chains.map((c) => `c${c}`).join(' + ')};
  y[id.x] = f32(sum.x + sum.y + sum.z + sum.w);
}`,
  }));
  // Converges to 1, far from overflow and from subnormal numbers.
  const params = { turns, factor: 0.75, offset: 0.25 };
  const flops = threads * turns * FLOPS_A_TURN;
  const { bestMs } = await timeOperations(
    () => dispatch(shader, [out], params, [groups, 1, 1], flops),
    timing,
  );
  scratch.dispose();
  return flops / bestMs / 1e6;
}

async function copy(bytes: number, timing: TimingPlan): Promise<number> {
  const scratch = new Scratch();
  const count = Math.floor(bytes / 16);
  const [from, to] = [scratch.floats(count * 4), scratch.floats(count * 4)];
  const shader = program('bench-copy', () => ({
    inputs: { x: 'vec4<f32>' },
    outputs: { y: 'vec4<f32>' },
    params: { count: 'u32' },
    wgsl: `${LINEAR_GROUP}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  let i = linearGroup(wid, nwg) * 256u + lid;
  if (i >= p.count) { return; }
  y[i] = x[i];
}`,
  }));
  const groups = groups1d(Math.ceil(count / 256));
  const { bestMs } = await timeOperations(() => dispatch(shader, [from, to], { count }, groups), timing);
  scratch.dispose();
  return (2 * count * 16) / bestMs / 1e6;
}
