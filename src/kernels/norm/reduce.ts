/**
 * The sum over a workgroup, as WGSL for kernels that reduce (norms, loss, gradient norm). Two numbers at a time, in
 * f32, in an order that depends on the adapter alone, so that a replay is bit-identical.
 */
import { gpu } from '../device';

/** Which of the two forms this adapter gets. Part of a program's name, and the value of its `subgroups` flag. */
export function reduceTier(): { tag: string; subgroups: boolean } {
  const { subgroups } = gpu();
  return { tag: subgroups ? 'sg' : 'tree', subgroups };
}

/**
 * WGSL for `blockSum(v: vec2<f32>, lane: u32) -> vec2<f32>`: the sum over the workgroup's `size` lanes, known to all
 * of them afterwards. `lane` is the local invocation index. Call it from uniform control flow only.
 *
 * The subgroup form relies on nothing about which lanes make up a subgroup, nor on `subgroup_size` (drivers report
 * other sizes than they run): each subgroup counts its lanes and sums all of the workgroup's values for itself.
 */
export function blockSum(size: 64 | 256): string {
  const head = `var<workgroup> reduced: array<vec2<f32>, ${size}>;`;
  if (reduceTier().subgroups) {
    return `${head}
fn blockSum(v: vec2<f32>, lane: u32) -> vec2<f32> {
  workgroupBarrier();
  reduced[lane] = v;
  workgroupBarrier();
  let lanes = subgroupAdd(1u);
  var sum = vec2<f32>(0.0, 0.0);
  for (var i = subgroupExclusiveAdd(1u); i < ${size}u; i += lanes) { sum += reduced[i]; }
  return subgroupAdd(sum);
}`;
  }
  return `${head}
fn blockSum(v: vec2<f32>, lane: u32) -> vec2<f32> {
  workgroupBarrier();
  reduced[lane] = v;
  workgroupBarrier();
  for (var step = ${size / 2}u; step > 0u; step >>= 1u) {
    if (lane < step) { reduced[lane] += reduced[lane + step]; }
    workgroupBarrier();
  }
  return reduced[0];
}`;
}
