/**
 * What is read of large files for a page, in a worker: each function takes plain data and gives plain data, and what is
 * wrong with a file comes back as data or as an error with a code. The list of functions is the worker's interface; its
 * types are these readers' own, which `protocol/` does not know.
 */
import { readTableFile } from '../dataset/table_file';
import type { Encoding } from '../dataset/text';
import { isProjectFile } from '../zip/project_file';
import { readBaseParts } from './base_parts';
import { checkLora, readContinuable } from './lora_reading';
import { offered } from './offered';
import { packRows } from './packed_rows';
import { readProjectInParts } from './project_reading';
import { readSettings } from './settings_reading';

export const readers = {
  baseParts: readBaseParts,
  checkLora,
  continuable: readContinuable,
  offered,
  isProject: isProjectFile,
  project: readProjectInParts,
  settings: readSettings,
  table(bytes: Uint8Array, path: string, encoding?: Encoding) {
    const read = readTableFile(bytes, path, encoding);
    return read.is === 'rows' ? { ...read, rows: packRows(read.rows) } : read;
  },
};

export type Readers = typeof readers;
