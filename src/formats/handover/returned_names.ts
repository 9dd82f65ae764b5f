/**
 * What the names that sd-scripts gives its files say: `NAME-step00000100.safetensors`, `NAME-000003.safetensors` (an epoch),
 * `NAME_000100_00_20260101120000_7.png` (step or e000003, prompt, time, seed). Read at 48d368f, library/train_util.py.
 */
import { nameOf, stemOf } from '../dataset/kinds';

export interface LoraName {
  readonly stem: string;
  readonly step?: number;
  readonly epoch?: number;
}

export function readLoraName(path: string): LoraName {
  const stem = stemOf(nameOf(path));
  const [head, last] = atLast(stem, '-');
  // Longer ones are no counts, and no numbers that can be told apart.
  if (/^step\d{8,12}$/.test(last)) return { stem: head, step: Number(last.slice(4)) };
  if (/^\d{6,12}$/.test(last) && head !== '') return { stem: head, epoch: Number(last) };
  return { stem };
}

export interface SampleName {
  readonly step?: number;
  readonly epoch?: number;
  /** Of its prompt, from 0. */
  readonly index: number;
  readonly seed?: number;
}

/** Undefined for what is no sample of theirs. */
export function readSampleName(path: string): SampleName | undefined {
  const parts = stemOf(nameOf(path)).split('_');
  const isTime = (part = '') => /^\d{14}$/.test(part);
  // The seed is left out where none was given.
  const at = isTime(parts.at(-1)) ? parts.length - 1 : parts.length - 2;
  const [when = '', index = '', time, seed] = parts.slice(Math.max(0, at - 2));
  if (at < 2 || !isTime(time) || !/^e?\d{6,12}$/.test(when) || !/^\d{2,6}$/.test(index)) return undefined;
  if (seed !== undefined && !/^\d{1,15}$/.test(seed)) return undefined;
  return {
    ...(when.startsWith('e') ? { epoch: Number(when.slice(1)) } : { step: Number(when) }),
    index: Number(index),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  };
}

/** In two at the last `mark`; all of it is the end where there is none. */
function atLast(text: string, mark: string): readonly [string, string] {
  const at = text.lastIndexOf(mark);
  return at < 0 ? ['', text] : [text.slice(0, at), text.slice(at + 1)];
}
