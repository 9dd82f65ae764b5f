/** The newest LoRA that a run in this browser saved, kept over reloads and crashes. In IndexedDB, as a Blob. */
import { get, set } from 'idb-keyval';

export interface StoredLora {
  name: string;
  /** Updates it was trained for. */
  step: number;
  file: Blob;
}

const KEY = 'last-lora';

/** Rejects with a `QuotaExceededError` where the browser has no room. */
export function putLastLora(lora: StoredLora): Promise<void> {
  return set(KEY, lora);
}

export function getLastLora(): Promise<StoredLora | undefined> {
  return get<StoredLora>(KEY);
}
