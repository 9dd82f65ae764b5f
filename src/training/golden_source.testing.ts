/** Files of `reference/golden`, for tests. */
import { readFileSync } from 'node:fs';
import { fromBytes, type ByteSource } from '../formats/safetensors/byte_source';

export function goldenSource(name: string): ByteSource {
  return fromBytes(new Uint8Array(readFileSync(new URL(`../../reference/golden/${name}`, import.meta.url))));
}
