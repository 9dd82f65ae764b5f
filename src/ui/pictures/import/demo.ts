/** Demo sets: pictures and captions served by our own origin, listed in demo/sets.json, taken in like any others. */
import type { Localized } from '../../../formats/config/language';
import { formatMetadataCsv, parseMetadataCsv } from '../../../formats/dataset/metadata_csv';
import type { Purpose } from '../../../protocol/captioner';
import { PageError } from '../../page_error';
import { isPage, isServed } from '../../served';
import type { Incoming } from './incoming';
import { ownFile } from '../../../protocol/studio_root';

export interface DemoSet {
  name: Localized;
  purpose: Purpose;
  trigger: string;
  files: string[];
  /** Of these the captions stay away, so that someone new meets the captioner. */
  uncaptioned?: string[];
}

export async function demoSet(name: string): Promise<{ set: DemoSet; incoming: Incoming[] }> {
  const sets = (await (await fetched('sets.json')).json()) as Record<string, DemoSet>;
  const set = Object.hasOwn(sets, name) ? sets[name] : undefined;
  if (!set) throw new PageError('no-demo-set', { set: name });
  const incoming = set.files.map((file) => ({
    path: `${name}/${file}`,
    type: '',
    modified: undefined,
    open: async () => {
      const blob = await (await fetched(`${name}/${file}`)).blob();
      return file === 'metadata.csv' ? withoutCaptions(blob, set.uncaptioned ?? []) : blob;
    },
  }));
  return { set, incoming };
}

async function withoutCaptions(table: Blob, of: readonly string[]): Promise<Blob> {
  const rows = parseMetadataCsv(new Uint8Array(await table.arrayBuffer()));
  return new Blob([formatMetadataCsv(rows.filter(({ file }) => !of.includes(file)))]);
}

async function fetched(path: string): Promise<Response> {
  const response = await fetch(ownFile(`demo/${path}`)).catch(() => undefined);
  if (response && isServed(response)) return response;
  const status = response === undefined ? 0 : isPage(response) ? -1 : response.status;
  throw new PageError('no-demo-file', { file: path, status });
}
