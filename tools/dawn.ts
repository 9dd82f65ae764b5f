/**
 * WebGPU in Node, by npm `webgpu` (Dawn): puts `navigator.gpu` and the GPU* constants where a browser has them, and says
 * in one line what was found. Which adapter that is is the environment's choice (`VK_ICD_FILENAMES`, see adapters.ts).
 */
import { create, globals } from 'webgpu';
import type { Gpu } from '../src/kernels/device';

/**
 * Dawn's switches beside its defaults. On NVIDIA under Vulkan it withholds half precision from older drivers unless told
 * (crbug.com/42251215); Windows and macOS have it without. A switch that Dawn does not know is ignored in silence: what
 * came of it is to be read off the adapter (`halfMissing`).
 */
export function dawnToggles(platform: NodeJS.Platform = process.platform): readonly string[] {
  return platform === 'darwin' || platform === 'win32' ? [] : [F16_ON_NVIDIA];
}

const F16_ON_NVIDIA = 'vulkan_enable_f16_on_nvidia';

/** What `create` takes. */
export function dawnOptions(toggles: readonly string[] = dawnToggles()): string[] {
  return toggles.length > 0 ? [`enable-dawn-features=${toggles.join(',')}`] : [];
}

/** Idempotent. Must run before the first `openDevice`. */
export function installWebGpu(): void {
  const scope = globalThis as { navigator?: { gpu?: GPU } };
  if (scope.navigator?.gpu) return;
  Object.assign(globalThis, globals);
  const navigator = scope.navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: create(dawnOptions()), configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true });
  // tfjs looks for a window or a worker scope before it believes in navigator.gpu.
  Object.assign(globalThis, { WorkerGlobalScope: scope.constructor });
}

/** As much of an open device as the sentences need. */
export type OpenedGpu = Pick<Gpu, 'adapter' | 'tier' | 'best'>;

/** For logs and reports: card, driver, tier, Dawn's switches. Dawn says the driver in `description`. */
export function gpuLine(gpu: OpenedGpu, toggles: readonly string[] = dawnToggles()): string {
  const { vendor, architecture, device, description } = gpu.adapter;
  const card = device || [vendor, architecture].filter(Boolean).join(' ') || 'without a name';
  const tier = gpu.tier === gpu.best ? gpu.tier : `${gpu.tier} (the adapter's best is ${gpu.best})`;
  return `GPU ${card}, driver ${description || 'unknown'}, tier ${tier}, Dawn with ${toggles.join(', ') || 'no toggles'}`;
}

/** A sentence where an NVIDIA card is without half precision, whatever was switched on; otherwise undefined. */
export function halfMissing({ adapter, best }: OpenedGpu): string | undefined {
  if (best !== 'f32' || !/nvidia/i.test(`${adapter.vendor} ${adapter.device}`)) return undefined;
  return (
    `This NVIDIA card offers no half precision (shader-f16), although Dawn was started with ${F16_ON_NVIDIA}. ` +
    'It goes on in single precision: the same LoRA, but slower and with more memory. NVIDIA driver 615.71 or newer ' +
    'brings half precision.'
  );
}

/** Both, as lines to print. */
export function gpuNotes(gpu: OpenedGpu): string[] {
  const missing = halfMissing(gpu);
  return missing === undefined ? [gpuLine(gpu)] : [gpuLine(gpu), `note: ${missing}`];
}
