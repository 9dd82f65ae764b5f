/**
 * What classes of devices let a compute shader take, as WebGPU implementations grant it: a page never gets more than its
 * API allows, whatever the silicon has. From the WebGPU specification's default limits, Direct3D 12's and Metal's published
 * maxima, and what Vulkan drivers report to vulkan.gpuinfo.org.
 */
import type { Program } from '../../src/kernels/pipeline';
import { threadsIn, workgroupBytes } from '../bench/card_model';

export interface ClassLimits {
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxStorageBuffersPerShaderStage: number;
  /** Storage bindings and buffers, in bytes. */
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
}

const limits = (kib: number, invocations: number, gib = 2): ClassLimits => ({
  maxComputeWorkgroupStorageSize: kib * 1024,
  maxComputeInvocationsPerWorkgroup: invocations,
  maxComputeWorkgroupSizeX: invocations,
  // Eight are guaranteed; no kernel may count on more.
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: gib * 2 ** 30,
  maxBufferSize: gib * 2 ** 30,
});

export const DEVICE_CLASSES = {
  /** The floor of the specification: what every device has. (Its bindings of 128 MiB are a matter of plans, not shaders.) */
  'any WebGPU': limits(16, 256),
  /** Groups share 32 KiB under Direct3D 12, and have 1,024 threads. */
  'Windows (Direct3D 12)': limits(32, 1024),
  /** Metal's feature table, all families from Apple 4 on and Mac 2. */
  'Apple (Metal)': limits(32, 1024, 4),
  'NVIDIA (Vulkan)': limits(48, 1024),
  'AMD (Vulkan)': limits(64, 1024, 4),
  'Intel (Vulkan)': limits(64, 1024, 4),
  /** Mali and Adreno; older Malis have 384 threads, which Dawn lowers to 256. */
  'Android (Vulkan)': limits(32, 256, 1),
} as const satisfies Record<string, ClassLimits>;
export type DeviceClass = keyof typeof DEVICE_CLASSES;

export interface Footprint {
  threads: number;
  workgroupBytes: number;
  storageBuffers: number;
}

/** What a program takes of what a device limits. */
export function footprintOf({ wgsl, inputs, outputs }: Program): Footprint {
  return {
    threads: threadsIn(wgsl),
    workgroupBytes: workgroupBytes(wgsl),
    storageBuffers: Object.keys(inputs).length + Object.keys(outputs).length,
  };
}

/** In words, what of `program` is beyond the class; empty where it runs. */
export function beyond(program: Program, of: DeviceClass): string[] {
  const limit = DEVICE_CLASSES[of];
  const { threads, workgroupBytes, storageBuffers } = footprintOf(program);
  return [
    [threads, limit.maxComputeInvocationsPerWorkgroup, 'threads'] as const,
    [workgroupBytes, limit.maxComputeWorkgroupStorageSize, 'bytes of workgroup memory'] as const,
    [storageBuffers, limit.maxStorageBuffersPerShaderStage, 'storage buffers'] as const,
  ]
    .filter(([has, may]) => has > may)
    .map(([has, may, what]) => `${program.name} takes ${has} ${what} of ${may} (${of})`);
}
