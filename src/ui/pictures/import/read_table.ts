/** A table of captions, read where it is read best: a large one in the reader worker. */
import { readTableFile, type ReadTableFile } from '../../../formats/dataset/table_file';
import { unpackRows } from '../../../formats/reading/packed_rows';
import { withReader } from '../../engine/reader';

/** Smaller ones are read sooner than a worker begins. */
const SMALL_BYTES = 64 * 1024;

export const readTable: ReadTableFile = async (bytes, path, encoding) => {
  if (bytes.length <= SMALL_BYTES) return readTableFile(bytes, path, encoding);
  const read = await withReader(async (reader) => reader.table(bytes, path, encoding));
  return read.is === 'rows' ? { ...read, rows: await unpackRows(read.rows) } : read;
};
