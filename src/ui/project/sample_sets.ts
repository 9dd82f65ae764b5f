/** Which sample sets come with the studio, from their list; opening one is the dataset's `addDemoSet`. */
import type { Purpose } from '../../protocol/captioner';
import type { Language } from '../../formats/config/language';
import { isServed } from '../served';
import { ownFile } from '../../protocol/studio_root';

export interface SampleSet {
  readonly id: string;
  readonly name: Readonly<Record<Language, string>>;
  readonly purpose: Purpose;
  readonly trigger: string;
  /** Addresses of the pictures, captions left out. */
  readonly pictures: readonly string[];
  /** How many of them come without a caption, for a person to see how one is suggested. */
  readonly uncaptioned: number;
  /** SHA-256 of the pictures, in hex: by these they are known again. */
  readonly digests: readonly string[];
}

const FOLDER = 'demo';

/** Rejects if the list cannot be had; sets that are not as they should be are left out. */
export async function sampleSets(): Promise<SampleSet[]> {
  const response = await fetch(ownFile(`${FOLDER}/sets.json`));
  if (!isServed(response)) throw new Error(`${FOLDER}/sets.json answered ${response.status}.`);
  const list: unknown = await response.json();
  if (typeof list !== 'object' || list === null) return [];
  return Object.entries(list).flatMap(([id, set]) => {
    const parsed = parseSet(id, set);
    return parsed ? [parsed] : [];
  });
}

function parseSet(id: string, set: unknown): SampleSet | undefined {
  if (typeof set !== 'object' || set === null) return undefined;
  const { name, purpose, trigger, files, uncaptioned, sha256 } = set as Record<string, unknown>;
  const { en, zh } = (name ?? {}) as Partial<Record<Language, unknown>>;
  if (typeof en !== 'string' || typeof zh !== 'string' || typeof trigger !== 'string') return undefined;
  if (purpose !== 'style' && purpose !== 'character' && purpose !== 'object') return undefined;
  if (!Array.isArray(files)) return undefined;
  const pictures = files.filter(
    (file): file is string => typeof file === 'string' && /\.(png|jpe?g|webp)$/i.test(file),
  );
  return {
    id,
    name: { en, zh },
    purpose,
    trigger,
    pictures: pictures.map((file) => ownFile(`${FOLDER}/${id}/${file}`)),
    uncaptioned: texts(uncaptioned).length,
    digests: texts(sha256),
  };
}

function texts(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}
