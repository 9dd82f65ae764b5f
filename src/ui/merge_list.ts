/** CLIP's merge list (half a megabyte, of our own origin): fetched when first needed, then kept for the page. */
import { PageError } from './page_error';
import { ownFile } from '../protocol/studio_root';

let list: Promise<string> | undefined;

/** Rejects with a sentence; the next call asks again. */
export function mergeList(): Promise<string> {
  const asked = (list ??= fetched());
  asked.catch(() => {
    if (list === asked) list = undefined;
  });
  return asked;
}

async function fetched(): Promise<string> {
  const response = await fetch(ownFile('clip/merges.txt')).catch(() => undefined);
  if (!response?.ok) throw new PageError('no-word-list', {});
  return response.text();
}
