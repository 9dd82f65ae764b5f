/** LoRA files as people give them: peft's adapter_model.safetensors comes with an adapter_config.json that belongs to it. */
import { ADAPTER_CONFIG, ADAPTER_FILE, adapterHeader } from '../../formats/lora/adapter_config';
import { fromBlob } from '../../formats/safetensors/byte_source';

export interface GivenLora {
  readonly file: File;
  readonly config?: File;
}

/** An adapter_config.json beside the adapter it belongs to is no LoRA itself. */
export function lorasAmong(files: Iterable<File>): GivenLora[] {
  const all = [...files];
  const config = all.find(({ name }) => name === ADAPTER_CONFIG);
  const loras = all.some(({ name }) => name === ADAPTER_FILE) ? all.filter((file) => file !== config) : all;
  return loras.map((file) => (config && file.name === ADAPTER_FILE ? { file, config } : { file }));
}

/** The file, with what its configuration says of its strength in it. Rejects with LoraError for a configuration of another method. */
export async function withConfig({ file, config }: GivenLora): Promise<File> {
  if (!config) return file;
  const { header, dataStart } = await adapterHeader(fromBlob(file), await config.text());
  return new File([header, file.slice(dataStart)], file.name, { lastModified: file.lastModified });
}
