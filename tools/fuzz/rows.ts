/** All that is fuzzed: one row for each reader of bytes or text from outside. */
import type { Row } from './row';
import { adapterRows } from './rows/adapters';
import { archiveRows } from './rows/archives';
import { datasetRows } from './rows/dataset';
import { eventRows } from './rows/events';
import { handoverRows } from './rows/handover';
import { settingsRows } from './rows/settings';
import { tensorRows } from './rows/tensors';

export function rows(): Row[] {
  return [
    ...tensorRows(),
    ...adapterRows(),
    ...settingsRows(),
    ...handoverRows(),
    ...datasetRows(),
    ...archiveRows(),
    ...eventRows(),
  ];
}
