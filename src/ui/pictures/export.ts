/** A set as files that every trainer takes: pictures, a .txt beside each, metadata.csv over all. */
import { formatMetadataCsv } from '../../formats/dataset/metadata_csv';
import { nameOf, stemOf } from '../../formats/dataset/kinds';
import { UniqueNames } from '../../formats/dataset/names';
import { writeZip, type ZipInput } from '../../formats/zip/zip_write';
import { onOneLine } from '../../formats/text/trimmed';
import type { Picture } from '../../storage/pictures';

export function metadataCsv(pictures: readonly Picture[]): string {
  return formatMetadataCsv(pictures.map(({ name, caption }) => ({ file: name, text: caption })));
}

/** `onProgress` is told how many pictures are in. */
export function zipOf(
  pictures: readonly Picture[],
  fileOf: (picture: Picture) => Promise<Blob>,
  onProgress?: (done: number) => void,
): Promise<Blob> {
  const paths = pathsOf(pictures);
  return writeZip(contents(), (files) => onProgress?.(Math.min(pictures.length, Math.floor(files / 2))));

  async function* contents(): AsyncGenerator<ZipInput> {
    for (const [i, picture] of pictures.entries()) {
      yield { path: paths[i], file: await fileOf(picture) };
      // All that trainers read of a .txt is its first line.
      yield { path: `${stemOf(paths[i])}.txt`, file: new Blob([`${onOneLine(picture.caption)}\n`]) };
    }
    const rows = pictures.map(({ caption }, i) => ({ file: paths[i], text: caption }));
    yield { path: 'metadata.csv', file: new Blob([formatMetadataCsv(rows)]) };
  }
}

/** Each stem once, for its .txt; in kohya's folders where repeats differ from one. */
function pathsOf(pictures: readonly Picture[]): string[] {
  const inFolders = pictures.some(({ repeats }) => repeats !== 1);
  const stems = new UniqueNames();
  return pictures.map(({ name, repeats }) => {
    const ending = name.slice(stemOf(name).length);
    // A point in a stem is no ending here: numbers go behind all of it.
    const stem = stems.take(`${nameOf(stemOf(name))}.`).slice(0, -1);
    return `${inFolders ? `${repeats}_images/` : ''}${stem}${ending}`;
  });
}
