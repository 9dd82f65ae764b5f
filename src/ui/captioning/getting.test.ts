/** A model got by one press: its files in turn, progress together, stopped, failed and gone on with. */
import '../../storage/fake_indexeddb.testing';
import { beforeEach, expect, test, vi } from 'vitest';
import { begunDownloads, putBegun } from '../../storage/begun_downloads';
import { listCaptioners } from '../../storage/captioners';
import { Downloading, type DownloadState } from '../downloading/downloading.svelte';
import { studio } from '../studio.svelte';
import { Getting } from './getting.svelte';
import { keyOf, type KnownModel } from './known_models';
import { captionModels } from './models.svelte';

const model: KnownModel = {
  kind: 'clip',
  name: 'CLIP',
  source: 'a/b',
  licence: 'MIT',
  files: (['vision', 'text'] as const).map((role, i) => ({
    role,
    address: `https://example.org/${role}.onnx`,
    byteLength: 100 * (i + 1),
    sha256: String(i).repeat(64),
  })),
};

/** Its files come half, then whole; `at` is called half-way. */
class Fake extends Downloading {
  asked: string[] = [];
  constructor(readonly at: (fake: Fake, address: string) => DownloadState | undefined = () => undefined) {
    super();
  }
  override async get(address: string, wish: { sha256?: string; oneOfSeveral?: boolean } = {}) {
    this.asked.push(address);
    const file = model.files.find((each) => each.address === address);
    if (!file || file.sha256 !== wish.sha256 || !wish.oneOfSeveral) throw new Error('asked wrongly');
    const total = file.byteLength;
    this.now = { state: 'running', address, done: total / 2, total, secondsLeft: 1 };
    await Promise.resolve();
    const ended = this.at(this, address);
    this.now = ended ?? { state: 'idle' };
    if (ended) return undefined;
    const known = { address, path: `models/${file.role}`, name: `${file.role}.onnx` };
    await putBegun({ ...known, length: total });
    return { path: known.path, name: known.name, byteLength: total, sha256: file.sha256 };
  }
}

const failed = (address: string): DownloadState => ({ state: 'failed', address, sentence: 'cut' });

beforeEach(async () => {
  vi.stubGlobal('navigator', { storage: { getDirectory: () => Promise.reject(new Error('none')) } });
  vi.stubGlobal('localStorage', undefined);
  vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('offline'));
  for (const { key } of await listCaptioners())
    await captionModels.remove({ key, kind: 'clip', name: '', files: [], addedAt: 0 });
});

test('Both files by one press; it is kept and chosen, and nothing is left of the notes', async () => {
  const seen: number[] = [];
  const getting: Getting = new Getting(
    new Fake(() => {
      seen.push(getting.done);
      return undefined;
    }),
  );
  const got = getting.get(model);
  expect(getting.now).toMatchObject({ state: 'running' });
  expect(await getting.get(model)).toBeUndefined();
  expect(await got).toBe(keyOf(model));
  expect(seen).toEqual([50, 200]);
  expect(getting.now).toEqual({ state: 'idle' });
  expect(await listCaptioners()).toMatchObject([{ key: keyOf(model), kind: 'clip', name: 'CLIP' }]);
  expect(captionModels.chosen).toBe(keyOf(model));
  expect(studio.project.captions?.model).toBe(keyOf(model));
  expect(await begunDownloads()).toEqual([]);
});

test('Cut in the second file: said, nothing kept as model, and both are asked for again, the first being there', async () => {
  let cut = true;
  const fake = new Fake((_, address) => (cut && address.includes('text') ? failed(address) : undefined));
  const getting = new Getting(fake);
  expect(await getting.get(model)).toBeUndefined();
  expect(getting.now).toMatchObject({ state: 'failed', sentence: 'cut' });
  expect(await listCaptioners()).toEqual([]);
  expect(await begunDownloads()).toMatchObject([{ path: 'models/vision', length: 100 }]);
  cut = false;
  expect(await getting.get(model)).toBe(keyOf(model));
  expect(await listCaptioners()).toHaveLength(1);
});

test('Stopped by the person: idle, whichever file is under way', async () => {
  const getting: Getting = new Getting(
    new Fake((_, address) => {
      if (address.includes('text')) getting.cancel();
      return undefined;
    }),
  );
  expect(await getting.get(model)).toBeUndefined();
  expect(getting.now).toEqual({ state: 'idle' });
  expect(await listCaptioners()).toEqual([]);
});

test('What is here already counts for the whole, each file at most its size', () => {
  const fake = new Fake();
  const getting = new Getting(fake);
  expect(getting.have(model)).toBe(0);
  const [vision, text] = model.files;
  fake.parts = [
    { address: vision.address, path: 'a', name: 'a', done: 100 },
    { address: text.address, path: 'b', name: 'b', done: 30 },
    { address: 'https://example.org/other', path: 'c', name: 'c', done: 7 },
  ];
  expect(getting.have(model)).toBe(130);
});
