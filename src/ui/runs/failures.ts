/** What went wrong, by the names that errors carry across the worker's border, as what can be done about it. */
import { sentenceOf } from '../sentence';
import type { Failure } from './states';

const NAMED: Readonly<Record<string, Failure>> = {
  MemoryBudgetError: 'budget',
  OutOfMemoryError: 'memory',
  BufferTooLargeError: 'memory',
  CheckpointError: 'base',
  CheckpointShapeError: 'base',
  SafetensorsError: 'base',
  BaseModelUnreadable: 'base',
  ConfigError: 'settings',
  RunSettingsError: 'settings',
  InvalidBucketConfigError: 'settings',
  InvalidBatchesError: 'settings',
  UnusableImageSizeError: 'settings',
  LoraError: 'settings',
  ResumeError: 'resume',
  OtherVersionError: 'resume',
  GpuUnavailableError: 'gpu',
  DeviceLostError: 'gpu',
  InvalidScheduleError: 'settings',
};

export function failureOf(error: unknown): Failure {
  const name = error instanceof Error ? error.name : '';
  const known = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  // What the driver says when an allocation fails has no name of its own.
  return known ?? (/out of memory|allocation/i.test(sentenceOf(error)) ? 'memory' : 'other');
}
