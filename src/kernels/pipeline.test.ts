import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { closeDevice, gpu, openDevice } from './device';
import { halfToFloat } from './linear/half_bits';
import { codeOf, compile, compileAhead, program, withHalves, type Program } from './pipeline';
import { allocate, dispatch, simulate } from './program';

const doubled = (name: string, wgsl = 'y[0] = 2.0 * x[0];') =>
  program(name, () => ({
    inputs: { x: 'f32' },
    outputs: { y: 'f32' },
    wgsl: `@compute @workgroup_size(1) fn main() { ${wgsl} }`,
  }));

async function open(names: string[]): Promise<{ programs: Program[]; told: [number, number][] }> {
  await openDevice({ tier: 'f32' });
  return { programs: names.map((name) => doubled(name)), told: [] };
}

it('compiles what is named, counts it, and leaves nothing for the first use', async () => {
  const { programs, told } = await open(['p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
  const own = compile(programs[2]);
  await compileAhead(programs, (...at) => told.push(at));
  expect(told).toEqual([1, 2, 3, 4, 5, 6].map((n) => [n, 6]));
  expect(compile(programs[2])).toBe(own);
  const compiled = programs.map(compile);
  await compileAhead(programs, (...at) => told.push(at));
  expect(told.at(-1)).toEqual([6, 6]);
  expect(programs.map(compile)).toEqual(compiled);
  closeDevice();
});

it('stops where it is told to, and says what a driver refuses', async () => {
  const { programs, told } = await open(['q1', 'q2', 'q3', 'q4', 'q5', 'q6', 'q7']);
  const stop = new AbortController();
  await compileAhead(
    programs,
    (...at) => {
      told.push(at);
      if (at[0] === 1) stop.abort();
    },
    stop.signal,
  );
  expect(told.length).toBeLessThan(programs.length);
  const wrong = doubled('wrong', 'y[0] = nothing(x[0]);');
  gpu().device.pushErrorScope('validation');
  await expect(compileAhead([wrong])).rejects.toThrow();
  await gpu().device.popErrorScope();
  closeDevice();
});

it('a simulation names the programs that would run', async () => {
  const {
    programs: [one, other],
  } = await open(['r1', 'r2']);
  const { programs } = simulate(() => {
    for (const each of [one, other, one]) {
      const tensors = [allocate([1]), allocate([1])];
      dispatch(each, tensors, {}, [1, 1, 1]);
      for (const { dataId } of tensors) tf.backend().disposeData(dataId);
    }
  });
  expect([...programs.values()]).toEqual([one, other]);
  closeDevice();
});

/** A conversion of a GPU that rounds towards zero: the largest half is what a finite number too large becomes. */
const LEAST_PACKING = `
fn leastPacking(v: vec2<f32>) -> u32 {
  let infinite = (bitcast<vec2<u32>>(v) & vec2<u32>(0x7fffffffu)) >= vec2<u32>(0x7f800000u);
  let held = select(clamp(v, vec2<f32>(-65504.0), vec2<f32>(65504.0)), v, infinite);
  return packedShort(held);
}
fn packedShort(v: vec2<f32>) -> u32 {
  let short = bitcast<vec2<f32>>(bitcast<vec2<u32>>(v) & vec2<u32>(0xffffe000u));
  return pack2x16float(short);
}`;

it('writes an overflow as infinite whatever the GPU makes of one', async () => {
  await openDevice({ tier: 'f32' });
  const { device } = gpu();
  const plain = program('halves written', () => ({
    inputs: { x: 'vec4<f32>' },
    outputs: { y: 'vec4<f32>' },
    wgsl: '@compute @workgroup_size(1) fn main() { write_y(0u, x[0]); write_y(1u, x[1]); }',
  }));
  const code = codeOf(withHalves(plain, ['y'])).replaceAll('pack2x16float(', 'leastPacking(') + LEAST_PACKING;
  expect(code).toContain(' leastPacking(');
  const values = Float32Array.of(70000, 3, -1e30, -2, 65519, NaN, -65504, 0.5);
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const back = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const y = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const given = device.createBuffer({ size: 32, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(given, 0, values);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [given, y].map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(y, 0, back, 0, 16);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(GPUMapMode.READ);
  const got = Array.from(new Uint16Array(back.getMappedRange().slice(0)), halfToFloat);
  expect(got[5]).not.toSatisfy(Number.isFinite);
  expect(got.toSpliced(5, 1)).toEqual([Infinity, 3, -Infinity, -2, 65504, -65504, 0.5]);
  closeDevice();
});
