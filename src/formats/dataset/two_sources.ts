/** Which caption counts where several files have one for the same picture, and what to ask where they differ. */
import { nameOf, stemOf } from './kinds';
import type { TwoSources } from './notes';
import type { Source } from './pairing';

export const preferences = ['newer', 'tables', 'sidecars'] as const;
export type Prefer = (typeof preferences)[number];

/** Files written together, or copied, differ by less: FAT and zip keep two seconds. */
const SAME_TIME_MS = 2000;

/**
 * The caption of a picture, undefined where no file has one. An empty one counts only if there is no other. `extension`
 * is the ending that a dataset TOML gives its captions.
 */
export function chooseCaption(
  picture: string,
  sources: readonly Source[],
  { prefer, metadata }: { prefer?: Prefer; metadata?: string },
  extension: string,
): { text: string; path: string; two?: TwoSources } | undefined {
  const rank = (source: Source) => rankOf(source, picture, prefer, metadata, extension);
  const ranked = [...sources].sort((a, b) => rank(a) - rank(b));
  const saying = ranked.filter(({ text }) => text !== '');
  const [first] = saying.length > 0 ? saying : ranked;
  if (!first) return undefined;
  const different = differentOf(saying);
  if (different.length < 2) return { text: first.text, path: first.path };
  const decided = metadata !== undefined || prefer === 'tables' || prefer === 'sidecars';
  const newest = decided ? undefined : newestOf(different);
  const taken = newest ?? first;
  const because = newest ? 'newer' : decided ? 'chosen' : 'order';
  const order = [taken, ...different.filter((source) => source !== taken)];
  const said = order.map(({ path, text, modified }) => ({
    path,
    text,
    ...(modified !== undefined && { modified }),
  }));
  return { text: taken.text, path: taken.path, two: { picture, sources: said, because } };
}

/** Smaller is taken first. */
function rankOf(
  source: Source,
  picture: string,
  prefer: Prefer | undefined,
  metadata: string | undefined,
  extension: string,
): number {
  if (source.path === metadata) return 0;
  if (source.from === 'table') {
    return (prefer === 'sidecars' ? 20 : 1) + (/^metadata\./i.test(nameOf(source.path)) ? 0 : 1);
  }
  const path = source.path.toLowerCase();
  if (extension !== '' && path.endsWith(extension.toLowerCase())) return 10;
  // "a.png.txt" is of this picture alone, "a.txt" of "a.jpg" too.
  if (nameOf(stemOf(path)) === nameOf(picture).toLowerCase()) return 11;
  return path.endsWith('.txt') ? 12 : 13;
}

/** The newest, where all times are known and it is newer than the next by more than copying takes. */
function newestOf(sources: readonly Source[]): Source | undefined {
  const timed = sources.flatMap((source) =>
    source.modified === undefined ? [] : { source, at: source.modified },
  );
  if (timed.length < sources.length) return undefined;
  const [newest, next] = timed.sort((a, b) => b.at - a.at);
  return newest && next && newest.at - next.at > SAME_TIME_MS ? newest.source : undefined;
}

/** The first of each text; white space does not count. */
function differentOf(sources: readonly Source[]): Source[] {
  const seen = new Set<string>();
  return sources.filter(({ text }) => {
    const key = text.replace(/\s+/g, ' ');
    return !seen.has(key) && seen.add(key);
  });
}
