/**
 * A tensor of a part in a file: the file's own tensor, or a share of its rows, or that the other way round. What a family's
 * key map says of it is done here, before the values are packed for the GPU.
 */
import { CheckpointError } from '../../formats/checkpoint/checkpoint_kind';
import { shapeTaken, type MappedTensor } from '../../formats/families/family_facts';
import type { ByteSource } from '../../formats/safetensors/byte_source';
import type { TensorEntry } from '../../formats/safetensors/safetensors';

export interface Located extends Pick<MappedTensor, 'rows' | 'transposed'> {
  source: ByteSource;
  entry: TensorEntry;
}

/** Of what is taken of the file's tensor. */
export function shapeOf(at: Located): readonly number[] {
  return shapeTaken(at.entry.shape, at);
}

/** Its bytes, in the file's order. Throws `CheckpointError` where the file gives fewer. */
export async function bytesOf({ source, entry, rows }: Located): Promise<ArrayBuffer> {
  const share = (entry.end - entry.start) / (rows?.of ?? 1);
  const start = entry.start + (rows?.index ?? 0) * share;
  const bytes = await source.slice(start, start + share);
  if (bytes.byteLength === share) return bytes;
  throw new CheckpointError(
    'cut',
    { tensor: entry.name },
    `"${entry.name}" at byte ${start}: ${share} bytes expected, ${bytes.byteLength} read. The file changed or is cut short.`,
  );
}

/** The values of a matrix as `shapeOf` has it: where it is stored the other way round, rows and columns change places. */
export function turned<A extends Float32Array | Uint16Array>(values: A, at: Located): A {
  if (!at.transposed) return values;
  const [rows = 1, columns = 1] = shapeOf(at);
  const out = values.slice() as A;
  for (let i = 0; i < out.length; i++) out[i] = values[(i % columns) * rows + Math.floor(i / columns)] ?? 0;
  return out;
}
