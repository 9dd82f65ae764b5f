/** The LoRA worker: looks into LoRA files and makes others of them, away from the page. One thing at a time. */
import { fromBlob } from '../src/formats/safetensors/byte_source';
import { convertLora, openLora, resizeLora } from '../src/formats/merging/made';
import { summarizeLora } from '../src/formats/merging/summary';
import type { LoraTools } from '../src/protocol/lora_tools';
import { expose } from './expose';
import { blobsOf, combined, mergeInto, paced, partsOf } from './lora/tools';

let stop = new AbortController();

function signal(): AbortSignal {
  stop = new AbortController();
  return stop.signal;
}

expose({
  async inspect(lora, onProgress) {
    const step = paced(onProgress, signal());
    const { file, precision } = await openLora(fromBlob(lora));
    return { ...(await summarizeLora(file, step)), metadata: file.metadata, precision };
  },
  async convert(lora, writing) {
    return blobsOf(await convertLora(await openLora(fromBlob(lora)), writing));
  },
  async resize(lora, rule, onProgress) {
    const step = paced(onProgress, signal());
    return blobsOf(await resizeLora(await openLora(fromBlob(lora)), rule, undefined, step));
  },
  combine: (loras, rule, onProgress) => combined(loras, rule, paced(onProgress, signal())),
  planMerge: partsOf,
  merge: (base, loras, to, onProgress) => mergeInto(base, loras, to, paced(onProgress, signal())),
  stop: () => stop.abort(),
} satisfies LoraTools);
