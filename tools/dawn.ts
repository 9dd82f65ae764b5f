/**
 * WebGPU in Node, by npm `webgpu` (Dawn): puts `navigator.gpu` and the GPU* constants where a browser has them.
 * Which adapter it finds is the environment's choice (`VK_ICD_FILENAMES`, see adapters.ts).
 */
import { create, globals } from 'webgpu';

/** Idempotent. Must run before the first `openDevice`. */
export function installWebGpu(): void {
  const scope = globalThis as { navigator?: { gpu?: GPU } };
  if (scope.navigator?.gpu) return;
  Object.assign(globalThis, globals);
  const navigator = scope.navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: create([]), configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true });
  // tfjs looks for a window or a worker scope before it believes in navigator.gpu.
  Object.assign(globalThis, { WorkerGlobalScope: scope.constructor });
}
