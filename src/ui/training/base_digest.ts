/**
 * SHA-256 of a run's base model, as WebUI and Civitai know it. It takes seconds a gigabyte: it is computed beside the run,
 * once a model, and goes into the file when that is downloaded.
 */
import { identifyCheckpoint } from '../../formats/checkpoint_kind';
import { fromBlob } from '../../formats/byte_source';
import { readHeader } from '../../formats/safetensors';
import { openDigester } from '../captioning/digester';

/** By size and date: files have no other identity here. */
const known = new Map<string, Promise<string | undefined>>();

/** Undefined where the model is not one file (a VAE of its own may lie beside it), or cannot be read. */
export function baseDigest(files: readonly Blob[]): Promise<string | undefined> {
  const [file] = files;
  const key = [file.size, file instanceof File ? `${file.name} ${file.lastModified}` : ''].join(' ');
  const digest = known.get(key) ?? digestOf(file).catch(() => undefined);
  known.set(key, digest);
  return digest;
}

async function digestOf(file: Blob): Promise<string | undefined> {
  const { tensors } = await readHeader(fromBlob(file));
  if (!['sd1', 'sd1-no-vae'].includes(identifyCheckpoint(tensors).kind)) return undefined;
  const digester = openDigester();
  try {
    return await digester.digest(file, () => undefined, new AbortController().signal);
  } finally {
    digester.close();
  }
}
