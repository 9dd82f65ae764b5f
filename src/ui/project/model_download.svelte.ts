/** The base model by address: which one is offered, and its download, which goes on while other screens are open. */
import { Downloading } from '../downloading/downloading.svelte';
import { studio } from '../studio.svelte';
import { baseModel } from './base_model.svelte';

/**
 * In half precision, as it lies on the GPU anyway: half the way of the full one. Size and hash are those of many public
 * lists; a file that has another hash is refused.
 */
export const SD15 = {
  address:
    'https://huggingface.co/Comfy-Org/stable-diffusion-v1-5-archive/resolve/main/v1-5-pruned-emaonly-fp16.safetensors',
  byteLength: 2_132_696_762,
  sha256: 'e9476a13728cd75d8279f6ec8bad753a66a1957ca375a1464dc63b37db6e3916',
} as const;

export const modelDownload = new Downloading();

/** For the project that is open now. */
export async function downloadModel(address: string): Promise<void> {
  const project = studio.project.id;
  const { sha256, byteLength: most } = SD15;
  const download = await modelDownload.get(address, address === SD15.address ? { sha256, most } : {});
  if (download) await baseModel.takeDownloaded(download, project);
}
