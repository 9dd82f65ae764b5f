/** Every folder of the table means what the table says; sentences in both languages; linear in the number of files. */
import { expect, test } from 'vitest';
import { readDataset } from './dataset';
import { folderCases, picture, type FolderCase } from './folders.testing';

async function read({ files, modified = {}, choices }: FolderCase) {
  const found = Object.keys(files).map((path) => ({
    path,
    ...(modified[path] !== undefined && { modified: modified[path] * 1000 }),
  }));
  const bytesOf = async (path: string): Promise<Uint8Array> => {
    const content = files[path];
    if (content === undefined || content === picture) throw new Error(`${path} is not to be read here`);
    return typeof content === 'string' ? new TextEncoder().encode(content) : (content as Uint8Array);
  };
  return readDataset(found, bytesOf, choices);
}

test.each(folderCases.map((each) => [each.what, each] as const))('%s', async (_, folder) => {
  const set = await read(folder);
  expect(set.pictures.map(({ path, caption, repeats }) => [path, caption, repeats])).toEqual(folder.pictures);
  expect(Object.fromEntries(set.setAside.map(({ path, why }) => [path, why]))).toEqual(folder.aside ?? {});
  const kinds = set.notes
    .map(({ kind }) => kind)
    .filter((kind) => kind !== 'trigger' && kind !== 'no-caption');
  expect(kinds).toEqual(folder.notes ?? []);
  expect(Object.keys(set.questions)).toEqual(folder.asks ?? []);
  expect(set.trigger?.words).toBe(folder.trigger);
});
