/** What is said of an adapter: its name, where a browser gives one, and half precision, where it could be had. */
import { expect, test } from 'vitest';
import { askAdapter } from './adapter';
import { whyNoHalf } from './half_precision';
import { messages } from './messages';

const LINUX =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
const WINDOWS =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
const ANDROID =
  'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0';

/** A made-up browser's GPU. */
function gpuOf(info: Partial<GPUAdapterInfo>, features: string[]): GPU {
  const adapter = {
    features: new Set(features),
    info: { vendor: '', architecture: '', device: '', description: '', ...info },
    limits: { maxBufferSize: 4e9, maxStorageBufferBindingSize: 2e9 },
  };
  return { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
}

async function factsOf(info: Partial<GPUAdapterInfo>, features: string[] = []) {
  const facts = await askAdapter(gpuOf(info, features));
  if (!facts) throw new Error('no adapter');
  return facts;
}

test('the name is what the browser gives, and nothing where it gives none', async () => {
  const names = await Promise.all(
    [
      { vendor: 'nvidia', architecture: 'ampere' },
      { vendor: 'nvidia', device: 'NVIDIA GeForce RTX 3090/PCIe/SSE2' },
      { vendor: 'apple' },
      {},
    ].map(async (info) => (await factsOf(info)).adapter),
  );
  expect(names).toEqual(['NVIDIA Ampere', 'NVIDIA GeForce RTX 3090', 'Apple', '']);
});

test('an adapter without a name is called so, in both languages', () => {
  expect(messages.en.unnamed).toMatch(/does not name/);
  expect(messages.zh.unnamed).toMatch(/\p{Script=Han}/u);
});

test.each([
  ['NVIDIA, Linux, Chrome', { vendor: 'nvidia', architecture: 'ampere' }, [], LINUX, 'nvidia-linux'],
  ['the same with half precision', { vendor: 'nvidia' }, ['shader-f16'], LINUX, undefined],
  ['the same with subgroups too', { vendor: 'nvidia' }, ['shader-f16', 'subgroups'], LINUX, undefined],
  ['Windows', { vendor: 'nvidia', architecture: 'pascal' }, [], WINDOWS, 'other'],
  ['another maker', { vendor: 'amd', architecture: 'gcn-4' }, [], LINUX, 'other'],
  ['a phone', { vendor: 'nvidia' }, [], ANDROID, 'other'],
  ['Firefox has no such switch', { vendor: 'nvidia' }, [], FIREFOX, 'other'],
  ['Firefox gives no name', {}, [], FIREFOX, 'other'],
  ['a renderer on the processor', { vendor: 'google', architecture: 'swiftshader' }, [], LINUX, undefined],
] as const)('half precision: %s', async (_, info, features, userAgent, expected) => {
  expect(whyNoHalf(await factsOf(info, [...features]), userAgent)).toBe(expected);
});

test.each(['en', 'zh'] as const)('in %s the way to half precision is said: driver and switch', (language) => {
  const { title, text } = messages[language].noHalf['nvidia-linux'];
  expect(title).not.toBe('');
  expect(text).toContain('615.71');
  expect(text).toContain('--enable-dawn-features=vulkan_enable_f16_on_nvidia');
  expect(messages[language].noHalf.other.text).not.toContain('615.71');
});
