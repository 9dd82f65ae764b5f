/** What an older version left in the browser is found and kept; what a newer one wrote is left alone. */
import './fake_indexeddb.testing';
import { IDBFactory } from 'fake-indexeddb';
import { promisifyRequest } from 'idb-keyval';
import { expect, test, vi } from 'vitest';
import recorded from './fixtures/version_1.json' with { type: 'json' };

type Entry = readonly [IDBValidKey, unknown];

/** Puts what was recorded of version 1 (commit 752f494: two projects, three runs, one picture) into empty databases. */
async function oldDatabases(change: (entries: Record<string, Entry[]>) => void = () => undefined) {
  // Connections of the test before are its modules' own.
  vi.resetModules();
  vi.stubGlobal('indexedDB', new IDBFactory());
  const entries = structuredClone(recorded) as unknown as Record<string, Entry[]>;
  change(entries);
  for (const [name, all] of Object.entries(entries)) {
    const opening = indexedDB.open(`lora-studio-${name}`);
    opening.onupgradeneeded = () => opening.result.createObjectStore(name);
    const database = await promisifyRequest(opening);
    const store = database.transaction(name, 'readwrite').objectStore(name);
    for (const [key, value] of all) await promisifyRequest(store.put(withBlobs(value), key));
    database.close();
  }
  return {
    runs: await import('./runs'),
    projects: await import('./projects'),
    pictures: await import('./pictures'),
  };
}

function withBlobs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBlobs);
  if (typeof value !== 'object' || value === null) return value;
  if ('$blob' in value) return new Blob([Buffer.from(String(value.$blob), 'base64')]);
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, withBlobs(of)]));
}

async function keysOf(name: string): Promise<IDBValidKey[]> {
  const database = await promisifyRequest(indexedDB.open(`lora-studio-${name}`));
  const keys = await promisifyRequest(database.transaction(name).objectStore(name).getAllKeys());
  database.close();
  return keys;
}

test('runs of version 1 are found by their project, with all that they left', async () => {
  const { runs, projects, pictures } = await oldDatabases();
  expect((await runs.listRuns('p1')).map(({ id }) => id)).toEqual(['r3', 'r1']);
  expect((await runs.listRuns('p2')).map(({ id }) => id)).toEqual(['r2']);
  expect((await runs.getRunPictures('r1'))[0]?.caption).toBe('zk, a cat');
  expect((await runs.getPoints('r1'))[0]?.loss).toBe(0.25);
  const [checkpoint] = await runs.listCheckpoints('r1');
  expect(await checkpoint.lora.text()).toBe('lora');
  expect(await checkpoint.state?.text()).toBe('state');
  expect((await projects.listProjects()).map(({ name }) => name).sort()).toEqual(['First', 'Second']);
  expect((await pictures.listPictures('p1'))[0]?.focus).toEqual([0.5, 0.5]);
  expect(await keysOf('runs')).toContainEqual(['of', 'p1', 'r3']);
  expect(await keysOf('runs')).toContainEqual(['version']);
});

test('a run that comes and goes takes its place under the project with it', async () => {
  const { runs } = await oldDatabases();
  const [newest] = await runs.listRuns('p1');
  await runs.putRun({ ...newest, id: 'r4', startedAt: 99 });
  expect((await runs.listRuns('p1')).map(({ id }) => id)).toEqual(['r4', 'r3', 'r1']);
  await runs.deleteRun('r3');
  expect((await runs.listRuns('p1')).map(({ id }) => id)).toEqual(['r4', 'r1']);
  expect(await keysOf('runs')).not.toContainEqual(['of', 'p1', 'r3']);
});

test('the migration is done once, and by one of two tabs', async () => {
  const { runs: one } = await oldDatabases();
  vi.resetModules();
  const other = await import('./runs');
  const [a, b] = await Promise.all([one.listRuns('p1'), other.listRuns('p1')]);
  expect(a).toEqual(b);
  expect((await keysOf('runs')).filter((key) => (key as string[])[0] === 'of')).toHaveLength(3);
});

test('what a newer version wrote is refused by name, and not touched', async () => {
  const { runs } = await oldDatabases(({ runs }) => runs.push([['version'], 3]));
  await expect(runs.listRuns('p1')).rejects.toMatchObject({ name: 'StorageError', code: 'newer' });
  const run = { id: 'x', project: 'p1' } as unknown as Parameters<typeof runs.putRun>[0];
  await expect(runs.putRun(run)).rejects.toMatchObject({ code: 'newer' });
  expect(await keysOf('runs')).not.toContainEqual(['run', 'x']);
});

test('records that were spoiled are read field by field; what is none is left out; what is unknown is kept', async () => {
  const { runs, projects, pictures } = await oldDatabases((entries) => {
    entries.runs.push(
      [
        ['run', 'odd'],
        { id: 'odd', project: 'p1', state: 'flying', step: 'many', later: { of: 'a newer field' } },
      ],
      [['run', 'none'], 'text'],
      [['run', 'stray'], { project: 'p1' }],
    );
    entries.projects.push([['project', 'p3'], { id: 'p3', settings: [1], purpose: 'war' }]);
    entries.pictures.push([
      ['picture', 'p1', 'bad'],
      { id: 'bad', project: 'p1', name: 'bad.png', width: 'wide' },
    ]);
  });
  const odd = (await runs.listRuns('p1')).find(({ id }) => id === 'odd');
  expect(odd).toMatchObject({ state: 'stopped', step: 0, config: '', later: { of: 'a newer field' } });
  expect(await runs.getRun('none')).toBeUndefined();
  expect(await projects.getProject('p3')).toMatchObject({ name: '', settings: {}, purpose: 'style' });
  expect((await pictures.listPictures('p1')).map(({ id }) => id)).toEqual(['a']);
});
