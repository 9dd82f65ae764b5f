/** A project file's list, handed over a part at a time: to take over all of a large one at once holds up a page as well. */
import { openZip } from '../zip/zip';
import { readProject, type OpenedProject, type PictureInFile } from '../zip/project_file';

/** How it is opened is for whoever has the file. */
export type ListedPicture = Omit<PictureInFile, 'open'>;

const AT_A_TIME = 1000;

/** Rejects with `ZipError` or `ProjectFileError`. */
export async function readProjectInParts(
  file: Blob,
  onPictures: (part: readonly ListedPicture[]) => unknown,
): Promise<Omit<OpenedProject, 'pictures'>> {
  const { pictures, ...rest } = await readProject(file);
  const listed = pictures.map(({ path, name, caption, repeats, focus, aside }) => ({
    ...{ path, name, caption, repeats, focus },
    ...(aside && { aside }),
  }));
  for (let at = 0; at < listed.length; at += AT_A_TIME) await onPictures(listed.slice(at, at + AT_A_TIME));
  return rest;
}

/** The same, with each picture's file again. */
export async function withFiles(file: Blob, listed: readonly ListedPicture[]): Promise<PictureInFile[]> {
  const entries = new Map((await openZip(file)).entries.map((entry) => [entry.path, entry]));
  return listed.flatMap((picture) => {
    const entry = entries.get(picture.path);
    return entry ? [{ ...picture, open: () => entry.open() }] : [];
  });
}
