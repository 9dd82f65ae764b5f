/** The shaders of a whole run on devices that are not here: within what each class allows, and what the report reads. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { closeDevice, gpu, openDevice } from '../src/kernels/device';
import { program } from '../src/kernels/pipeline';
import { MODELS } from './bench/models';
import { installWebGpu } from './dawn';
import { beyond, DEVICE_CLASSES, footprintOf } from './shaders/classes';
import { programsOn } from './shaders/programs';
import { parsed } from './shaders/radv';

const SD15 = { config: MODELS.sd15, size: 512 };

beforeAll(async () => {
  installWebGpu();
  await openDevice({ tier: 'f32' });
});
afterAll(closeDevice);

it.each(['any WebGPU', 'AMD (Vulkan)'] as const)(
  'every shader of a run fits %s, whose limits are not those of this machine',
  (of) => {
    const own = gpu().device.limits;
    const programs = [...programsOn(of, 'f32', SD15).values()];
    expect(gpu().device.limits).toBe(own);
    expect(programs.flatMap((one) => beyond(one, of))).toEqual([]);
    const most = Math.max(...programs.map((one) => footprintOf(one).workgroupBytes));
    // Chosen for the class: what AMD allows is used where there is more than the floor.
    if (of === 'any WebGPU') expect(most).toBeLessThanOrEqual(16384);
    else expect(most).toBeGreaterThan(16384);
    // Whole rows in registers spill on a GPU.
    expect(programs.map(({ name }) => name).filter((name) => /^attention-\w+-rows/.test(name))).toEqual([]);
    expect(programs.length).toBeGreaterThan(60);
  },
);

it('says what of a shader is beyond a class', () => {
  const large = program('too large for most', () => ({
    inputs: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`in${i}`, 'f32' as const])),
    outputs: { out: 'f32' },
    wgsl: 'var<workgroup> staged: array<vec4<f32>, 4096>; @compute @workgroup_size(32, 16) fn main() {}',
  }));
  expect(beyond(large, 'NVIDIA (Vulkan)')).toEqual([
    'too large for most takes 65536 bytes of workgroup memory of 49152 (NVIDIA (Vulkan))',
    'too large for most takes 9 storage buffers of 8 (NVIDIA (Vulkan))',
  ]);
  expect(beyond(large, 'Android (Vulkan)')).toContain(
    'too large for most takes 512 threads of 256 (Android (Vulkan))',
  );
  expect(Object.keys(DEVICE_CLASSES)).toHaveLength(7);
});

it('reads what RADV prints of each program, and refuses where it printed nothing', () => {
  const of = (name: string, vgprs: number, spilled: number) =>
    `=== ${name}\nCompute Shader:\n*** SHADER STATS ***\nSGPRs: 128\nVGPRs: ${vgprs}\nSpilled SGPRs: 1\n` +
    `Spilled VGPRs: ${spilled}\nCode size: 168\nLDS size: 1024\nScratch size: 64\nSubgroups per SIMD: 32\nInstructions: 32\n`;
  expect(parsed(`noise\n${of('first', 12, 0)}${of('second-f16', 256, 7)}=== `)).toEqual([
    {
      ...{ name: 'first', registers: 12, spilled: 1, scratchBytes: 64 },
      ...{ workgroupBytes: 1024, resident: 32, instructions: 32 },
    },
    {
      ...{ name: 'second-f16', registers: 256, spilled: 8, scratchBytes: 64 },
      ...{ workgroupBytes: 1024, resident: 32, instructions: 32 },
    },
  ]);
  expect(() => parsed('=== mute\n=== ')).toThrow('RADV printed no');
});
