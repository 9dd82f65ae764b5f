/** Projects, pictures and runs over a fake IndexedDB: what is written together, what goes together, what is refused. */
import './fake_indexeddb.testing';
import { afterEach, expect, test, vi } from 'vitest';
import { cpuMilliseconds } from '../cpu_time.testing';
import { StorageError, StorageFullError } from './error';
import {
  deletePictures,
  getImage,
  getThumbnail,
  listPictures,
  putImage,
  putNewPictures,
  putPictures,
  type Picture,
} from './pictures';
import { deleteProject, getProject, listProjects, putProject, type Project } from './projects';
import {
  appendLog,
  appendPoints,
  deleteRun,
  getLog,
  getPoints,
  getRun,
  listCheckpoints,
  listRuns,
  listSamples,
  putCheckpoint,
  putRun,
  putSample,
  type Checkpoint,
  type Point,
  type Run,
} from './runs';

afterEach(() => void vi.restoreAllMocks());

test('Pictures are listed in their order, each project its own', async () => {
  await putPictures([picture('b', 'order', 2), picture('a', 'order', 3), picture('c', 'order', 1)]);
  await putPictures([picture('z', 'order2', 1)]);
  expect((await listPictures('order')).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  await putPictures([{ ...picture('b', 'order', 9), caption: 'new' }]);
  expect((await listPictures('order')).map(({ id, caption }) => id + caption)).toEqual(['c', 'a', 'bnew']);
});

test('Ten thousand pictures are listed in well under a second, files beside them or not', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => ({
    picture: picture(`p${i}`, 'many', i),
    file: new Blob(['x']),
    thumbnail: new Blob(['y']),
  }));
  await putNewPictures(many);
  const start = cpuMilliseconds();
  expect(await listPictures('many')).toHaveLength(10_000);
  expect(cpuMilliseconds() - start).toBeLessThan(1000);
});

test('A picture comes with its files and goes with them', async () => {
  const [one, two] = [picture('f1', 'files', 1), picture('f2', 'files', 2)];
  await putNewPictures([{ picture: one, file: new Blob(['file']), thumbnail: new Blob(['small']) }]);
  await putPictures([two]);
  await putImage('f2', new Blob(['file 2']), new Blob(['small 2']));
  expect(await (await getImage('f1'))?.text()).toBe('file');
  expect(await (await getThumbnail('f2'))?.text()).toBe('small 2');
  await deletePictures('files', ['f1']);
  expect((await listPictures('files')).map(({ id }) => id)).toEqual(['f2']);
  expect(await getImage('f1')).toBeUndefined();
  expect(await getThumbnail('f1')).toBeUndefined();
  expect(await getImage('f2')).toBeDefined();
});

test('Where there is no room, nothing of a write is kept and the reason is a sentence', async () => {
  await putPictures([picture('old', 'full', 1)]);
  failAtPut(3, 'QuotaExceededError');
  const write = putPictures([1, 2, 3, 4].map((n) => picture(`new${n}`, 'full', n + 1)));
  await expect(write).rejects.toBeInstanceOf(StorageFullError);
  await expect(write).rejects.toThrow(/no room left for .*Delete a project/);
  vi.restoreAllMocks();
  expect((await listPictures('full')).map(({ id }) => id)).toEqual(['old']);
});

test('Where the browser has no room only when it commits, it is the same', async () => {
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...of) {
    const { transaction } = this;
    Object.defineProperty(transaction, 'error', {
      configurable: true,
      get: () => new DOMException('disk', 'QuotaExceededError'),
    });
    queueMicrotask(() => transaction.abort());
    vi.spyOn(transaction, 'commit').mockImplementation(() => undefined);
    return put.apply(this, of);
  });
  await expect(putPictures([picture('late', 'late', 1)])).rejects.toBeInstanceOf(StorageFullError);
  vi.restoreAllMocks();
  expect(await listPictures('late')).toEqual([]);
});

test('Many changes are written in pieces, still all or none, and can be abandoned', async () => {
  const many = Array.from({ length: 1234 }, (_, i) => picture(`m${i}`, 'pieces', i));
  const going = new AbortController();
  await putPictures(many, going.signal);
  expect(await listPictures('pieces')).toEqual(many);
  const changed = many.map((each) => ({ ...each, caption: 'new' }));
  failAtPut(1200, 'QuotaExceededError');
  await expect(putPictures(changed, going.signal)).rejects.toBeInstanceOf(StorageFullError);
  vi.restoreAllMocks();
  expect(await listPictures('pieces')).toEqual(many);
  const abandoned = putPictures(changed, going.signal);
  await new Promise((resolve) => setTimeout(resolve));
  going.abort();
  await expect(abandoned).rejects.toThrow();
  expect(await listPictures('pieces')).toEqual(many);
  await putPictures(changed);
  expect(await listPictures('pieces')).toEqual(changed);
});

test('Another failure is a sentence too, and no StorageFullError', async () => {
  failAtPut(1, 'UnknownError');
  const write = putProject(project('x', 1));
  await expect(write).rejects.toBeInstanceOf(StorageError);
  await expect(write).rejects.not.toBeInstanceOf(StorageFullError);
});

test('A checkpoint is written with the states of older ones let go in one transaction', async () => {
  for (const step of [10, 20, 30]) await putCheckpoint(checkpoint('keep', step));
  expect(await withStates('keep')).toEqual([
    [10, false],
    [20, true],
    [30, true],
  ]);
  failAtPut(2, 'QuotaExceededError');
  await expect(putCheckpoint(checkpoint('keep', 40))).rejects.toBeInstanceOf(StorageFullError);
  vi.restoreAllMocks();
  expect(await withStates('keep')).toEqual([
    [10, false],
    [20, true],
    [30, true],
  ]);
  await putCheckpoint({ ...checkpoint('keep', 30), name: 'again' });
  const kept = await listCheckpoints('keep');
  expect(kept.map(({ step, name }) => `${step} ${name}`)).toEqual(['10 at10', '20 at20', '30 again']);
  expect(await kept[0].lora.text()).toBe('lora10');
});

test('A curve grows by appending; a resumed run replaces the steps it takes again', async () => {
  for (let from = 0; from < 1300; from += 130) await appendPoints('curve', points(from, 130, 1));
  await appendPoints('curve', []);
  expect((await getPoints('curve')).map(({ step }) => step)).toEqual([...Array(1300).keys()]);
  await appendPoints('curve', points(1200, 5, 2));
  const resumed = await getPoints('curve');
  expect(resumed).toHaveLength(1205);
  expect(resumed.slice(1199).map(({ loss }) => loss)).toEqual([1, 2, 2, 2, 2, 2]);
});

test('A run is listed with its project and goes with all that it left', async () => {
  await putRun(run('r1', 'runs', 1));
  await putRun(run('r2', 'runs', 2));
  await putRun(run('r3', 'elsewhere', 3));
  expect((await listRuns('runs')).map(({ id }) => id)).toEqual(['r2', 'r1']);
  for (const id of ['r1', 'r2']) {
    await appendPoints(id, points(0, 3, 1));
    await appendLog(id, [{ at: 1, text: 'begun' }]);
    await appendLog(id, [{ at: 2, text: 'ended' }]);
    await putCheckpoint(checkpoint(id, 5));
    await putSample(sample(id, 5, 'b'));
    await putSample(sample(id, 5, 'a'));
    await putSample(sample(id, 0, 'b'));
  }
  expect((await getLog('r1')).map(({ text }) => text)).toEqual(['begun', 'ended']);
  expect((await listSamples('r1')).map(({ step, prompt }) => `${step}${prompt}`)).toEqual(['0b', '5b', '5a']);
  await deleteRun('r1');
  expect(await getRun('r1')).toBeUndefined();
  expect([await getPoints('r1'), await getLog('r1'), await listCheckpoints('r1')]).toEqual([[], [], []]);
  expect(await listSamples('r1')).toEqual([]);
  expect(await getRun('r2')).toBeDefined();
  expect([(await getPoints('r2')).length, (await getLog('r2')).length]).toEqual([3, 2]);
  expect([(await listCheckpoints('r2')).length, (await listSamples('r2')).length]).toEqual([1, 3]);
});

test('A project is deleted with its pictures and runs, and no other', async () => {
  for (const id of ['gone', 'stays']) {
    await putProject(project(id, id === 'gone' ? 1 : 2));
    await putNewPictures([{ picture: picture(`${id}-p`, id, 1), file: new Blob(), thumbnail: new Blob() }]);
    await putRun(run(`${id}-r`, id, 1));
    await putCheckpoint(checkpoint(`${id}-r`, 1));
  }
  expect((await listProjects()).map(({ id }) => id)).toEqual(['stays', 'gone']);
  await deleteProject('gone');
  expect((await listProjects()).map(({ id }) => id)).toEqual(['stays']);
  expect([await getProject('gone'), await getImage('gone-p'), await getRun('gone-r')]).toEqual(
    Array(3).fill(undefined),
  );
  expect(await listCheckpoints('gone-r')).toEqual([]);
  expect([(await listPictures('stays')).length, (await listRuns('stays')).length]).toEqual([1, 1]);
  expect(await getImage('stays-p')).toBeDefined();
});

function failAtPut(nth: number, name: string): void {
  const put = IDBObjectStore.prototype.put;
  let calls = 0;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...of) {
    if (++calls === nth) throw new DOMException('no room', name);
    return put.apply(this, of);
  });
}

async function withStates(run: string): Promise<[number, boolean][]> {
  return (await listCheckpoints(run)).map(({ step, state }) => [step, state !== undefined]);
}

function picture(id: string, of: string, order: number): Picture {
  const known = { width: 8, height: 8, byteLength: 1, type: 'image/png', digest: id, look: '0' };
  return {
    ...known,
    id,
    project: of,
    order,
    name: `${id}.png`,
    caption: '',
    repeats: 1,
    focus: [0.5, 0.5],
  };
}

function project(id: string, changedAt: number): Project {
  return { id, name: id, createdAt: 0, changedAt, purpose: 'style', trigger: '', settings: {} };
}

function run(id: string, of: string, startedAt: number): Run {
  const progress = { images: 1, step: 0, steps: 1, seconds: 0 };
  return {
    ...progress,
    id,
    project: of,
    name: id,
    startedAt,
    changedAt: startedAt,
    state: 'running',
    config: '',
    baseName: '',
  };
}

function checkpoint(of: string, step: number): Checkpoint {
  const files = { lora: new Blob([`lora${step}`]), state: new Blob([`state${step}`]) };
  return { run: of, step, epoch: 1, savedAt: step, name: `at${step}`, final: false, ...files };
}

function sample(of: string, step: number, prompt: string) {
  return { run: of, step, prompt, seed: 1, width: 8, height: 8, image: new Blob(['png']) };
}

function points(from: number, count: number, loss: number): Point[] {
  return Array.from({ length: count }, (_, i) => ({
    step: from + i,
    epoch: 1,
    loss,
    learningRate: 1,
    gradientNorm: 1,
    seconds: from + i,
  }));
}

test('a project of a newer version, with a purpose that is not known here, opens as a style', async () => {
  const purpose = 'a texture' as Project['purpose'];
  const project = {
    id: 'newer',
    name: 'n',
    createdAt: 0,
    changedAt: 9e15,
    purpose,
    trigger: 't',
    settings: {},
  };
  await putProject(project);
  expect(await getProject('newer')).toEqual({ ...project, purpose: 'style' });
  expect((await listProjects())[0]).toEqual({ ...project, purpose: 'style' });
});
