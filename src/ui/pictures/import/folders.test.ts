/**
 * The table of folders through the page's import, over a fake IndexedDB: what formats/dataset says of a folder is what the
 * project holds afterwards. Reading pictures is left out; a browser does that in e2e/dataset.spec.ts.
 */
import '../../../storage/fake_indexeddb.testing';
import { expect, test, vi } from 'vitest';
import { folderCases, picture, type FolderCase } from '../../../formats/dataset/folders.testing';
import { nameOf } from '../../../formats/dataset/kinds';
import { UniqueNames } from '../../../formats/dataset/names';
import type { PictureReading } from '../../../protocol/pictures';
import { Dataset } from '../dataset.svelte';
import type { Answer, ImportQuestion } from './questions';

/** A table outside the set has no place on the page. */
const cases = folderCases.filter(({ choices }) => choices?.metadata === undefined);
let looks = 0;

test.each(cases)('$what', async (of) => {
  const dataset = new Dataset(
    () => false,
    () => '',
    () => ({ atATime: 4, read, close: () => undefined }),
  );
  await dataset.load(`folder ${cases.indexOf(of)}`);
  const adding = dataset.add(filesOf(of));
  let done = false;
  void adding.finally(() => (done = true));
  const asked: ImportQuestion['kind'][] = [];
  while (!done) {
    const question = dataset.asking;
    if (question) {
      asked.push(question.kind);
      dataset.answer(answerTo(question, of));
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  const outcome = await adding;

  const names = new UniqueNames();
  expect(dataset.pictures.map(({ name, caption, repeats }) => [name, caption, repeats])).toEqual(
    of.pictures.map(([path, caption, repeats]) => [names.take(nameOf(path)), caption, repeats]),
  );
  const { choices, asks = [] } = of;
  const kinds: ImportQuestion['kind'][] = [
    ...(asks.includes('encoding') || choices?.encoding ? ['encoding' as const] : []),
    ...(asks.includes('twoSources') || choices?.prefer ? ['two-sources' as const] : []),
  ];
  expect(asked).toEqual(kinds);
  const aside = outcome?.notes.flatMap((note) =>
    note.kind === 'aside' ? note.pictures.map((path) => [path.slice(inside(of, '').length), note.why]) : [],
  );
  expect(Object.fromEntries(aside ?? [])).toEqual(of.aside ?? {});
  expect(outcome?.trigger?.words).toBe(of.trigger);
});

/** As the folder chooser gives them: below the folder's own name. */
function filesOf(of: FolderCase): File[] {
  return Object.entries(of.files).map(([path, content]) => {
    const bytes = content === picture ? `a picture ${++looks}` : content;
    const lastModified = 1_700_000_000_000 + 1000 * (of.modified?.[path] ?? 0);
    const file = new File([bytes], nameOf(path), { lastModified });
    return Object.defineProperty(file, 'webkitRelativePath', { value: inside(of, path) });
  });
}

function inside({ choices }: FolderCase, path: string): string {
  return `${choices?.root ?? 'set'}/${path}`;
}

function answerTo(question: ImportQuestion, { choices }: FolderCase): Answer {
  if (question.kind === 'encoding') return choices?.encoding ? { encoding: choices.encoding } : {};
  return { prefer: choices?.prefer ?? 'newer' };
}

/** No two look alike. */
async function read(file: Blob): Promise<PictureReading> {
  const hash = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  const digest = Buffer.from(hash).toString('hex');
  const facts = { width: 640, height: 480, type: 'image/png', digest, look: digest.slice(0, 16) };
  return { ok: true, facts: { ...facts, thumbnail: new Blob() } };
}

vi.setConfig({ testTimeout: 20_000 });
