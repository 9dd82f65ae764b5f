/** What went wrong, by the names that errors carry across the worker's border, as what can be done about it. */
import { sentenceOf } from '../sentence';
import type { Failure, Now } from './states';

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

/** In the language that is chosen now, which may not be that of when it failed. */
export function sentenceOfFailure({ sentence, error }: Extract<Now, { state: 'failed' }>): string {
  return error ? sentenceOf(error) : sentence;
}

export function failureOf(error: unknown): Failure {
  const name = error instanceof Error ? error.name : '';
  const known = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  // What the driver says when an allocation fails has no name of its own.
  return known ?? (/out of memory|allocation/i.test(sentenceOf(error)) ? 'memory' : 'other');
}
