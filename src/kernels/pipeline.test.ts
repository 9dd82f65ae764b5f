import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { closeDevice, gpu, openDevice } from './device';
import { compile, compileAhead, program, type Program } from './pipeline';
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
