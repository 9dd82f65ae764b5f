/**
 * The GPU device under tfjs's `webgpu` backend: requested by us, with the adapter's own limits and the features
 * that tfjs does not ask for, and registered under the name `webgpu`, because kernels are looked up by it.
 * What runs on the device is `program.ts`; what it allocates is `buffers.ts`.
 */
import * as tf from '@tensorflow/tfjs';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { BufferPool } from './buffers';
import { probeHalves, type Halves } from './halves';
import type { Tuning } from './tuned';

/** What the adapter can do, in ascending order: kernels multiply in f32, in f16, in f16 with subgroup reductions. */
export type Tier = 'f32' | 'f16' | 'f16-subgroups';

export interface Gpu {
  readonly device: GPUDevice;
  readonly tier: Tier;
  /** The best tier of the adapter, whatever was asked for. */
  readonly best: Tier;
  readonly f16: boolean;
  readonly subgroups: boolean;
  /** Smallest subgroup the adapter may run, in lanes; 0 where the tier has none. */
  readonly minSubgroupSize: number;
  /** True where the adapter runs on the CPU (SwiftShader, lavapipe, WARP): tiles are chosen for caches, not warps. */
  readonly software: boolean;
  /** How the card's f16 arithmetic behaves; undefined where the tier has none, and on the CPU, which multiplies in f32. */
  readonly halves?: Halves;
  /** What was measured of it: products are cut and computed by that. A CPU is never tuned. */
  tuning?: Tuning;
  readonly adapter: { vendor: string; architecture: string; device: string; description: string };
  readonly buffers: BufferPool;
  /** Uncaptured GPU errors so far; a caller that finds any must not trust its results. See `checkGpu`. */
  readonly errors: string[];
  /** Set by the first error that says so; what comes after it is about buffers that were never made. */
  outOfMemory: boolean;
}

/** The GPU, or what shares its memory, had none left for a buffer. */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError';
  readonly code = 'memory';
  readonly facts = {};
  constructor() {
    super(
      'The GPU has no memory left for this run. Close other programs and tabs that use the GPU, or lower resolution or lora_rank.',
    );
  }
}

export class GpuUnavailableError extends Error {
  override readonly name = 'GpuUnavailableError';
  readonly facts = {};
  constructor(
    sentence: string,
    readonly code: 'no-webgpu' | 'no-adapter' | 'no-tier' | 'not-open' = 'not-open',
  ) {
    super(sentence);
  }
}

type OpenOptions = { tier?: Tier; onLost?: (reason: string) => void };

let current: Gpu | undefined;
let openedWith: OpenOptions = {};

/** The open device. Throws `GpuUnavailableError` before `openDevice`. */
export function gpu(): Gpu {
  if (!current) throw new GpuUnavailableError('No GPU device is open yet: call openDevice() first.');
  return current;
}

/** The open device, if there is one. */
export function openGpu(): Gpu | undefined {
  return current;
}

/**
 * Opens the GPU and makes it tfjs's backend. Any device opened before is destroyed with all its tensors.
 * `tier` asks for at most that tier (for tests and comparison); without it, the best the adapter has.
 * Throws `GpuUnavailableError` if there is no adapter, or if the asked tier is beyond it.
 */
export async function openDevice(options: OpenOptions = {}): Promise<Gpu> {
  closeDevice();
  openedWith = options;
  const api = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!api)
    throw new GpuUnavailableError(
      'This browser has no WebGPU. Use a current Chrome, Edge, Firefox or Safari.',
      'no-webgpu',
    );
  const adapter = await api.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new GpuUnavailableError(
      'WebGPU is there, but no graphics adapter was offered. Check the driver, or unblock the GPU in the browser settings.',
      'no-adapter',
    );
  }
  const f16 = adapter.features.has('shader-f16');
  const subgroups = f16 && adapter.features.has('subgroups');
  const best: Tier = subgroups ? 'f16-subgroups' : f16 ? 'f16' : 'f32';
  const tier = options.tier ?? best;
  if (TIERS.indexOf(tier) > TIERS.indexOf(best)) {
    throw new GpuUnavailableError(
      `Tier ${tier} was asked for, but the adapter's best is ${best}.`,
      'no-tier',
    );
  }
  const requiredFeatures: GPUFeatureName[] = [];
  if (tier !== 'f32') requiredFeatures.push('shader-f16');
  if (tier === 'f16-subgroups') requiredFeatures.push('subgroups');
  if (adapter.features.has('timestamp-query')) requiredFeatures.push('timestamp-query');
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: limitsOf(adapter) });

  const { vendor = '', architecture = '', device: name = '', description = '' } = adapter.info;
  const buffers = new BufferPool(device);
  const software = /swiftshader|llvmpipe|lavapipe|basic render|warp/i.test(
    `${vendor} ${architecture} ${name} ${description}`,
  );
  const opened: Gpu = {
    device,
    tier,
    best,
    f16: tier !== 'f32',
    subgroups: tier === 'f16-subgroups',
    minSubgroupSize: tier === 'f16-subgroups' ? (adapter.info.subgroupMinSize ?? 4) : 0,
    software,
    ...(tier !== 'f32' && !software && { halves: await probeHalves(device) }),
    adapter: { vendor, architecture, device: name, description },
    buffers,
    errors: [],
    outOfMemory: false,
  };
  device.addEventListener('uncapturederror', (event) => {
    const { error } = event;
    opened.errors.push(error.message);
    opened.outOfMemory ||= error instanceof GPUOutOfMemoryError;
    if (opened.errors.length === 1) console.error(`GPU error: ${opened.errors[0]}`);
  });
  void device.lost.then((info) => {
    // Ours are no longer the current one when we destroy them: 'destroyed' here is somebody else's doing.
    if (current === opened) options.onLost?.(info.message || 'the GPU device was lost');
  });

  forgetBackend();
  tf.registerBackend('webgpu', () => backendOn(device, adapter.info, buffers), 3);
  await tf.setBackend('webgpu');
  current = opened;
  return opened;
}

/** Throws what went wrong on the GPU since it was opened, `OutOfMemoryError` where that was it. Without one, nothing did. */
export function checkGpu(): void {
  const { errors, outOfMemory } = current ?? { errors: [], outOfMemory: false };
  if (outOfMemory) throw new OutOfMemoryError();
  if (errors.length) throw new Error(`The GPU reported: ${errors[0]}`);
}

/** Opens the device anew as it was opened: for when work was torn apart in its middle, and what it held cannot be told. */
export function reopenDevice(): Promise<Gpu> {
  return openDevice(openedWith);
}

/** After all that was computed with failed buffers is disposed: waits for the last of it to be reported, and begins anew. */
export async function forgetErrors(): Promise<void> {
  const { device, errors } = gpu();
  await device.queue.onSubmittedWorkDone();
  errors.length = 0;
  gpu().outOfMemory = false;
}

/** Destroys the open device, if any, and every tensor on it. */
export function closeDevice(): void {
  if (!current) return;
  const { device } = current;
  current = undefined;
  forgetBackend();
  device.destroy();
}

/** Runs `work` with kernels multiplying in f32, as on the lowest tier: for what overflows in f16. Synchronous. */
export function inFullPrecision<T>(work: () => T): T {
  return takenFor({ tier: 'f32', f16: false, subgroups: false, minSubgroupSize: 0 }, work);
}

/** Runs `work` with kernels chosen as for an adapter that differs from the open one in this. Synchronous. */
export function takenFor<T>(other: Partial<Omit<Gpu, 'device' | 'buffers'>>, work: () => T): T {
  const saved = gpu();
  current = { ...saved, ...other };
  try {
    return work();
  } finally {
    current = saved;
  }
}

/** Products are cut and computed by this from now on; undefined: as for any GPU. Steps recorded before stay as they are. */
export function setTuning(tuning: Tuning | undefined): void {
  const opened = gpu();
  delete opened.tuning;
  if (tuning && !opened.software) opened.tuning = tuning;
}

/** All tiers that an adapter has whose best is this one, in ascending order. */
export function tiersUpTo(best: Tier): readonly Tier[] {
  return TIERS.slice(0, TIERS.indexOf(best) + 1);
}

function forgetBackend(): void {
  if ('webgpu' in tf.engine().registryFactory) tf.removeBackend('webgpu');
}

const TIERS: readonly Tier[] = ['f32', 'f16', 'f16-subgroups'];

/** tfjs's backend, with its buffer manager replaced by ours (a private member: `program.ts` documents the door). */
function backendOn(device: GPUDevice, info: GPUAdapterInfo, buffers: BufferPool): WebGPUBackend {
  const backend = new WebGPUBackend(device, info);
  (backend as unknown as { bufferManager: BufferPool }).bufferManager = buffers;
  return backend;
}

/** WebGPU grants its small defaults unless asked: ask for all that the kernels can use. */
function limitsOf(adapter: GPUAdapter): Record<string, number> {
  const wanted = [
    'maxBufferSize',
    'maxStorageBufferBindingSize',
    'maxComputeWorkgroupStorageSize',
    'maxComputeInvocationsPerWorkgroup',
    'maxComputeWorkgroupSizeX',
    'maxStorageBuffersPerShaderStage',
  ] as const;
  return Object.fromEntries(wanted.map((name) => [name, adapter.limits[name]]));
}
