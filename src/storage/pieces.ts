/**
 * A file that is made piece by piece, larger than memory: written to a place that the person chose, or into the browser's
 * private files. It is there whole or not at all: the browser moves it in when it is closed.
 */
import { failedSave, failedWrite, refuseWithoutRoom } from './failed_write';
import { FOLDER, models, newLeaf } from './opfs';

export interface Pieces {
  readonly name: string;
  /** Of all pieces together. */
  readonly bytes: number;
  pieces(): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** Is told the bytes written so far, and may throw to stop. */
export type Written = (bytes: number) => Promise<void> | void;

/** Rejects with StorageError where the place takes no more, or with what `pieces` or `written` throw. */
export async function writePieces(to: FileSystemFileHandle, made: Pieces, written?: Written): Promise<void> {
  await write(to, made, written, (error) => failedSave(to.name, made.bytes, error));
}

/** The path under which `openFile` finds it; what nobody deletes is swept after a day. Rejects with `StorageFullError` too. */
export async function storePieces(made: Pieces, written?: Written): Promise<string> {
  await refuseWithoutRoom(made.name, made.bytes);
  const folder = await models();
  const leaf = newLeaf(made.name);
  try {
    const handle = await folder.getFileHandle(leaf, { create: true });
    await write(handle, made, written, (error) => failedWrite(made.name, made.bytes, error));
  } catch (error) {
    await folder.removeEntry(leaf).catch(() => undefined);
    throw error;
  }
  return `${FOLDER}/${leaf}`;
}

async function write(
  handle: FileSystemFileHandle,
  { pieces }: Pieces,
  written: Written | undefined,
  told: (error: unknown) => Error | Promise<Error>,
): Promise<void> {
  /** What the disk refuses is told by where it lies; what makes the pieces speaks for itself. */
  const onDisk = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw await told(error);
    }
  };
  const to = await onDisk(handle.createWritable());
  try {
    let bytes = 0;
    for await (const piece of pieces()) {
      await onDisk(to.write(piece));
      bytes += piece.byteLength;
      await written?.(bytes);
    }
    await onDisk(to.close());
  } catch (error) {
    await to.abort().catch(() => undefined);
    throw error;
  }
}
