/** Dawn's switches, and what is said of an adapter with and without half precision. */
import { expect, test } from 'vitest';
import { gpu, openDevice } from '../src/kernels/device';
import { dawnOptions, dawnToggles, gpuLine, gpuNotes, halfMissing, type OpenedGpu } from './dawn';

const TOGGLE = 'vulkan_enable_f16_on_nvidia';

const h100: OpenedGpu = {
  adapter: {
    vendor: 'nvidia',
    architecture: 'hopper',
    device: 'NVIDIA H100 80GB HBM3',
    description: 'NVIDIA: 570.86.15',
  },
  tier: 'f16-subgroups',
  best: 'f16-subgroups',
};
const withoutHalf: OpenedGpu = { ...h100, tier: 'f32', best: 'f32' };

test('The switch for NVIDIA is on wherever Dawn runs on Vulkan', () => {
  expect(dawnToggles('linux')).toEqual([TOGGLE]);
  expect(dawnToggles('freebsd')).toEqual([TOGGLE]);
  expect([dawnToggles('darwin'), dawnToggles('win32')]).toEqual([[], []]);
  expect(dawnOptions([TOGGLE, 'allow_unsafe_apis'])).toEqual([
    `enable-dawn-features=${TOGGLE},allow_unsafe_apis`,
  ]);
  expect(dawnOptions([])).toEqual([]);
});

test('Card, driver, tier and switches are said in one line', () => {
  expect(gpuLine(h100, [TOGGLE])).toBe(
    `GPU NVIDIA H100 80GB HBM3, driver NVIDIA: 570.86.15, tier f16-subgroups, Dawn with ${TOGGLE}`,
  );
  expect(gpuLine({ ...h100, tier: 'f32' }, [])).toBe(
    "GPU NVIDIA H100 80GB HBM3, driver NVIDIA: 570.86.15, tier f32 (the adapter's best is f16-subgroups), Dawn with no toggles",
  );
  const unnamed = { vendor: 'amd', architecture: 'rdna-3', device: '', description: '' };
  expect(gpuLine({ ...h100, adapter: unnamed })).toContain('GPU amd rdna-3, driver unknown,');
});

test('An NVIDIA card without half precision is named, with the driver that has it', () => {
  expect(halfMissing(withoutHalf)).toMatch(/shader-f16.*single precision.*615\.71/);
  expect(gpuNotes(withoutHalf)).toHaveLength(2);
  // Asked for single precision, a card that has more lacks nothing.
  expect(halfMissing({ ...h100, tier: 'f32' })).toBeUndefined();
  expect(
    halfMissing({ ...withoutHalf, adapter: { ...h100.adapter, vendor: 'amd', device: 'RX 580' } }),
  ).toBeUndefined();
  expect(gpuNotes(h100)).toHaveLength(1);
});

test('The adapter of these tests has half precision with the switch on, and its line says so', async () => {
  await openDevice({ tier: 'f32' });
  expect(gpu().best).toMatch(/^f16/);
  expect(gpuLine(gpu())).toMatch(/llvmpipe.*driver llvmpipe: Mesa.*tier f32 \(the adapter's best is f16/);
});
