/** The further files that an ONNX model's weights lie in, from beside the model, as onnxruntime itself would find them. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fromBlob } from '../src/formats/safetensors/byte_source';
import { fileNameOf } from '../src/formats/onnx/onnx_external';
import { readOnnxFile } from '../src/formats/onnx/onnx_file';
import type { ExternalFile } from '../src/protocol/captioner';

/** Those that are there; of what is missing the captioner says the name. A name never leads out of the folder. */
export async function externalBeside(
  path: string,
  model: Blob,
  of?: 'vision' | 'text',
): Promise<ExternalFile[]> {
  const reading = await readOnnxFile(fromBlob(model));
  const found: ExternalFile[] = [];
  for (const name of reading.ok ? new Set(reading.external.map(fileNameOf)) : []) {
    const bytes = await readFile(join(dirname(path), name)).catch(() => undefined);
    if (bytes) found.push({ name, file: new Blob([bytes]), ...(of ? { of } : {}) });
  }
  return found;
}
