/** What was measured of this browser's graphics adapters. It can be measured anew at any time. */
import { get } from 'idb-keyval';
import { records, write } from './records';

const store = records('tunings');

/** `undefined` where there is none; else whatever was kept. */
export function getTuning(adapter: string): Promise<unknown> {
  return get<unknown>(['adapter', adapter], store);
}

export function putTuning(adapter: string, tuning: object): Promise<void> {
  return write(
    store,
    'what was measured of the graphics card',
    (to) => void to.put(tuning, ['adapter', adapter]),
  );
}
