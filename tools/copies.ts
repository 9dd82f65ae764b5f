/**
 * Pictures that are there twice, byte for byte: trained on as they lie, they would count twice, which nobody asked for.
 * The page sets such copies aside; here they are left out, and named. Files that only look alike are not looked for.
 */
import { stat } from 'node:fs/promises';
import { noteWords } from '../src/formats/dataset/notes';
import { sha256OfFile } from './files';
import type { FolderImage } from './image_folder';

/** Of each picture the captioned copy stays, else the first. Only files of one size are read. */
export async function withoutCopies(
  images: readonly FolderImage[],
): Promise<{ images: FolderImage[]; notes: string[] }> {
  const best = new Map<string, FolderImage>();
  for (const sameSize of groups(images, await Promise.all(images.map(sizeOf))).values()) {
    if (sameSize.length === 1) continue;
    const digests: string[] = [];
    for (const { path } of sameSize) digests.push(await sha256OfFile(path));
    for (const same of groups(sameSize, digests).values()) {
      // Words of a folder stand in for a caption; they are none that a person wrote.
      const written = same.find(({ caption, captionFrom }) => caption !== '' && captionFrom !== undefined);
      const kept = written ?? same.find(({ caption }) => caption !== '') ?? same[0];
      for (const image of same) if (image !== kept) best.set(image.path, kept);
    }
  }
  const copies = images.filter(({ path }) => best.has(path));
  if (copies.length === 0) return { images: [...images], notes: [] };
  const pairs = copies.map(({ name, path }) => ({ copy: name, of: best.get(path)?.name ?? '' }));
  return {
    images: images.filter(({ path }) => !best.has(path)),
    notes: [`${noteWords({ kind: 'copies', pairs }).en} --keep-copies trains on all of them.`],
  };
}

async function sizeOf({ path }: FolderImage): Promise<string> {
  return String((await stat(path)).size);
}

/** Items by their key; in both the order in which they came. */
function groups<T>(items: readonly T[], keys: readonly string[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const [i, item] of items.entries()) {
    const group = found.get(keys[i]);
    if (group) group.push(item);
    else found.set(keys[i], [item]);
  }
  return found;
}
