// The adapter_config.json that peft writes beside adapter_model.safetensors: there stands the strength, which the file
// itself does not say. It is put into the file's metadata, where diffusers' files have it, so that all who read the file
// find it. Source: peft's `LoraConfig` and `PeftModel.save_pretrained`.
import { everyFamily } from '../families/families';
import type { ByteSource } from '../safetensors/byte_source';
import { readHeader } from '../safetensors/safetensors';
import { safetensorsHeader } from '../safetensors/safetensors_write';
import { parseBoundedJson } from '../text/bounded_json';
import { LoraError } from './lora_error';

/** Its name, beside the file of that name. */
export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_FILE = 'adapter_model.safetensors';

const bounds = { values: 20_000, depth: 20 };
const taken = ['r', 'lora_alpha', 'alpha_pattern', 'rank_pattern', 'use_rslora'];

/**
 * A new beginning for the file, up to `dataStart` of the old, in which stands what `config` (the text of
 * adapter_config.json) says of its strength. What the file says itself stays. Throws LoraError where the text is no such
 * configuration, or of another method than LoRA; SafetensorsError for a broken file.
 */
export async function adapterHeader(
  source: ByteSource,
  config: string,
): Promise<{ header: Uint8Array<ArrayBuffer>; dataStart: number }> {
  const said = strengthSaid(config);
  const { tensors, metadata, dataStart } = await readHeader(source);
  const namings = everyFamily.flatMap(({ lora }) => Object.values(lora));
  const beside = [...new Set(namings.map(({ folder }) => folder))].flatMap((folder) =>
    said.map(([key, value]) => [`${folder}.${key}`, value]),
  );
  const header = safetensorsHeader(
    [...tensors.values()].map(({ start, end, ...entry }) => ({ ...entry, bytes: end - start })),
    { lora_adapter_metadata: JSON.stringify(Object.fromEntries(beside)), ...metadata },
  );
  return { header, dataStart };
}

/** The file as it would be with that beginning; nothing is copied. Throws as `adapterHeader`. */
export async function withAdapterConfig(source: ByteSource, config: string): Promise<ByteSource> {
  const { header, dataStart } = await adapterHeader(source, config);
  return {
    byteLength: header.length + source.byteLength - dataStart,
    async slice(start, end) {
      const front = header.slice(start, end);
      const moved = (at: number) => Math.max(at - header.length, 0) + dataStart;
      const later = end > header.length ? await source.slice(moved(start), moved(end)) : new ArrayBuffer(0);
      const back = new Uint8Array(later);
      const bytes = new Uint8Array(front.length + back.length);
      bytes.set(front);
      bytes.set(back, front.length);
      return bytes.buffer;
    },
  };
}

/** What a configuration says of the strength, by peft's keys. Throws LoraError as `adapterHeader`. */
export function strengthSaid(config: string): [key: string, value: unknown][] {
  const said = readConfig(config);
  return taken.flatMap((key): [string, unknown][] => (said[key] === undefined ? [] : [[key, said[key]]]));
}

function readConfig(text: string): Record<string, unknown> {
  let read: unknown;
  try {
    read = parseBoundedJson(text, bounds);
  } catch {
    read = undefined;
  }
  if (typeof read !== 'object' || read === null || !('peft_type' in read)) {
    throw new LoraError('no-modules', {
      en: `The ${ADAPTER_CONFIG} beside the LoRA is no configuration of peft's. Get both files again.`,
      zh: `LoRA 旁边的 ${ADAPTER_CONFIG} 不是 peft 的配置。请重新获取这两个文件。`,
    });
  }
  const { peft_type: method } = read;
  if (method !== 'LORA') {
    const name = String(method).slice(0, 40);
    throw new LoraError('other-method', {
      en: `By its ${ADAPTER_CONFIG} this adapter is a ${name}, another method than plain LoRA, which cannot be continued or drawn with here.`,
      zh: `${ADAPTER_CONFIG} 表明此适配器是 ${name}，不是普通 LoRA，在这里不能继续训练，也不能用来生成。`,
    });
  }
  return Object.fromEntries(Object.entries(read));
}
