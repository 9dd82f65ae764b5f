/** What a run has left in the page's storage, read from outside the app: the bytes of a checkpoint. */
import type { Page } from '@playwright/test';

/** The LoRA file of the checkpoint of a step. */
export async function storedLora(page: Page, step: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await page.evaluate(async (wanted) => {
    const answer = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(new Error('The database does not answer.'));
      });
    const db = await answer(indexedDB.open('lora-studio-runs'));
    const all = await answer<unknown[]>(db.transaction('runs').objectStore('runs').getAll());
    db.close();
    for (const value of all) {
      const { lora, step: at } = value as { lora?: unknown; step?: number };
      if (lora instanceof Blob && at === wanted) return [...new Uint8Array(await lora.arrayBuffer())];
    }
    return undefined;
  }, step);
  if (!bytes) throw new Error(`No checkpoint of step ${step} is stored.`);
  return Uint8Array.from(bytes);
}
