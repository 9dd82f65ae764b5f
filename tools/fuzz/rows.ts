/** All that is fuzzed: one row for each reader of bytes or text from outside. */
import type { Row } from './row';
import { archiveRows } from './rows/archives';
import { datasetRows } from './rows/dataset';
import { settingsRows } from './rows/settings';
import { tensorRows } from './rows/tensors';

export function rows(): Row[] {
  return [...tensorRows(), ...settingsRows(), ...datasetRows(), ...archiveRows()];
}
