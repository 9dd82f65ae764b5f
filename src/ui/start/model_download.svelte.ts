/** The base model by address: which one is offered, and its download, which goes on while other screens are open. */
import { Downloading } from '../controls/downloading.svelte';
import { studio } from '../studio.svelte';
import { baseModel } from './base_model.svelte';

/** Of its authors' account; the copy of it that was there first is gone. */
export const SD15 = {
  address:
    'https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/resolve/main/v1-5-pruned-emaonly.safetensors',
  byteLength: 4_265_146_304,
  sha256: '6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa',
} as const;

export const modelDownload = new Downloading();

/** For the project that is open now. */
export async function downloadModel(address: string): Promise<void> {
  const project = studio.project.id;
  const download = await modelDownload.get(address, address === SD15.address ? SD15.sha256 : undefined);
  if (download) await baseModel.takeDownloaded(download, project);
}
