/**
 * Proposals as the page lives with them, with a captioner that answers as each test says: offers one by one, taking and
 * undoing, a worker that is lost half-way once or twice, pictures and models that cannot be used.
 */
import '../../storage/fake_indexeddb.testing';
import { beforeEach, expect, test, vi } from 'vitest';
import type {
  CaptionEvent,
  CaptionImage,
  CaptionOptions,
  CaptionProposal,
  Composed,
} from '../../protocol/captioner';
import { putImage, type Picture } from '../../storage/pictures';
import { Studio } from '../studio.svelte';

type OnEvent = (event: CaptionEvent) => void;

/** One worker: how it answers, and how it dies. */
interface Fake {
  open?: () => Promise<never>;
  /** Before each picture. */
  before?: (image: CaptionImage, index: number) => Promise<void> | void;
  asked: string[][];
  composed: CaptionOptions[];
  die: (lost: boolean) => void;
}

const workers = vi.hoisted(() => ({ list: [] as unknown[], next: [] as unknown[] }));

vi.mock('comlink', () => ({ proxy: (callback: unknown) => callback }));
vi.mock('../runs/run.svelte', () => ({ run: { active: false } }));
vi.mock('./model_files', () => ({ openModel: () => Promise.resolve({ kind: 'clip', key: 'k' }) }));
vi.mock('../engine/captioner_worker', () => {
  class CaptionerGone extends Error {
    override name = 'CaptionerGone';
    constructor(readonly lost: boolean) {
      super('gone');
    }
  }
  let running: { fake: Fake; held: unknown } | undefined;
  return {
    CaptionerGone,
    captionerWorker() {
      running ??= start();
      return running.held;
    },
    endCaptionerWorker(lost = false) {
      running?.fake.die(lost);
      running = undefined;
    },
  };

  function start() {
    const fake = Object.assign((workers.next.shift() ?? {}) as Partial<Fake>, {
      asked: [],
      composed: [],
    }) as Fake;
    workers.list.push(fake);
    const gone = new Promise<never>((_, reject) => {
      fake.die = (lost) => {
        running = undefined;
        reject(new CaptionerGone(lost));
      };
    });
    gone.catch(() => undefined);
    return { fake, held: { gone, remote: remoteOf(fake) } };
  }

  function remoteOf(fake: Fake) {
    let stopped = false;
    const looked: string[] = [];
    const made = (options: CaptionOptions): Composed => {
      fake.composed.push(options);
      return { proposals: looked.map((id) => proposal(id, options)), constants: [] };
    };
    return {
      open: () =>
        fake.open?.() ??
        Promise.resolve({
          kind: 'clip',
          provider: 'wasm',
          threads: 1,
          side: 224,
          slots: [],
          template: '[subject]',
        }),
      async caption(images: CaptionImage[], options: CaptionOptions, onEvent: OnEvent) {
        stopped = false;
        fake.asked.push(images.map(({ name }) => name));
        for (const [index, image] of images.entries()) {
          await fake.before?.(image, index);
          if (stopped) break;
          const place = { done: index + 1, total: images.length };
          if (image.name.startsWith('bad'))
            onEvent({
              kind: 'failed',
              id: image.id,
              problem: 'undecodable-picture',
              sentence: 'bad',
              ...place,
            });
          else {
            looked.push(image.id);
            onEvent({ kind: 'proposal', proposal: proposal(image.id, options), ...place });
          }
        }
        return made(options);
      },
      compose: (options: CaptionOptions) =>
        options.template === 'broken'
          ? Promise.reject(Object.assign(new Error('no'), { name: 'bad-template' }))
          : Promise.resolve(made(options)),
      find: (words: string) => Promise.resolve(looked.map((id) => ({ id, cosine: words.length }))),
      similarity: () => Promise.resolve({ outliers: [], nearDuplicates: [] }),
      stop: () => (stopped = true),
    };
  }

  function proposal(id: string, { template, folded }: CaptionOptions): CaptionProposal {
    const star = { slot: 'subject', phrase: 'red star', confidence: 0.9 };
    const place = { slot: 'place', phrase: 'at the top', confidence: 0.7 };
    const out = folded.includes('place\nat the top');
    return {
      id,
      caption: `${template}${out ? 'a red star' : 'a red star at the top'}`,
      said: out ? [star] : [star, place],
      hidden: out ? [{ ...place, why: 'folded' }] : [],
      confidence: 0.7,
      cut: false,
    };
  }
});

const { Dataset } = await import('../pictures/dataset.svelte');
const { Captioning } = await import('./captioning.svelte');
const { endCaptionerWorker } = await import('../engine/captioner_worker');

let page: Studio;
let training: boolean;
let dataset: InstanceType<typeof Dataset>;
let captioning: InstanceType<typeof Captioning>;
const PROPOSED = 'a red star at the top';

beforeEach(() => {
  endCaptionerWorker();
  workers.list.length = workers.next.length = 0;
  vi.stubGlobal('fetch', () => Promise.reject(new Error('no network')));
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  page = new Studio();
  training = false;
  dataset = new Dataset(
    () => false,
    () => '',
  );
  captioning = new Captioning(dataset, page, () => training);
});

test('Proposals are offered one by one; taking all is one step, and undoing it offers them again', async () => {
  await fill(['a.png', 'b.png', 'mine.png'], { 'mine.png': 'my own' });
  const seen: number[] = [];
  workers.next.push({ before: () => void seen.push(captioning.offers.size) });
  await captioning.propose('k');
  expect(seen.slice(0, 3)).toEqual([0, 1, 2]);
  expect(offered()).toEqual({ 'a.png': PROPOSED, 'b.png': PROPOSED });
  expect(captioning.now).toEqual({ state: 'idle' });
  // The rest of the set was looked at too, last.
  expect(workerAt(0).asked).toEqual([['a.png', 'b.png', 'mine.png']]);

  expect(captioning.take(captioning.offers.keys())).toBe(2);
  expect(captions()).toEqual([PROPOSED, PROPOSED, 'my own']);
  expect(captioning.offers.size).toBe(0);
  dataset.undo();
  expect(captions()).toEqual(['', '', 'my own']);
  expect(captioning.offers.size).toBe(2);
  captioning.dismiss([idOf('a.png')]);
  expect(offered()).toEqual({ 'b.png': PROPOSED });
});

test('Appending and replacing are offered for all; a caption changed by hand after taking is left alone', async () => {
  await fill(['a.png', 'b.png'], { 'a.png': 'kiko', 'b.png': PROPOSED });
  page.project = { ...page.project, captions: { mode: 'append' } };
  await captioning.propose('k');
  expect(offered()).toEqual({ 'a.png': `kiko, ${PROPOSED}` });
  page.project = { ...page.project, captions: { mode: 'replace' } };
  await captioning.propose('k');
  expect(offered()).toEqual({ 'a.png': PROPOSED });
  captioning.take([idOf('a.png')]);
  dataset.change([idOf('a.png')], { caption: 'by hand' });
  expect(offered()).toEqual({});
});

test('A worker lost half-way is replaced once, and goes on with the pictures that are left', async () => {
  await fill(['a.png', 'b.png', 'c.png', 'd.png']);
  workers.next.push({ before: (_: unknown, index: number) => (index === 2 ? die(0) : undefined) });
  await captioning.propose('k');
  expect(workerAt(1).asked).toEqual([['c.png', 'd.png', 'a.png', 'b.png']]);
  expect(captioning.recovered).toBe(true);
  expect(captioning.now.state).toBe('idle');
  expect(captioning.offers.size).toBe(4);
});

test('Lost again, it says so, keeps what it has, and goes on when asked', async () => {
  await fill(['a.png', 'b.png', 'c.png']);
  workers.next.push(
    { before: (_: unknown, index: number) => (index === 1 ? die(0) : undefined) },
    { before: () => Promise.reject(new Error('memory access out of bounds')) },
  );
  await captioning.propose('k');
  expect(captioning.now).toMatchObject({ state: 'lost', left: 2, sentence: 'memory access out of bounds' });
  expect(offered()).toEqual({ 'a.png': PROPOSED });
  await captioning.carryOn('k');
  expect(workerAt(2).asked).toEqual([['b.png', 'c.png', 'a.png']]);
  expect(captioning.now.state).toBe('idle');
  expect(captioning.offers.size).toBe(3);
});

test('Ended for training, it is idle and starts no other worker; what it proposed stays', async () => {
  await fill(['a.png', 'b.png']);
  workers.next.push({ before: (_: unknown, index: number) => (index === 1 ? end() : undefined) });
  await captioning.propose('k');
  expect(captioning.now.state).toBe('idle');
  expect(workers.list).toHaveLength(1);
  expect(offered()).toEqual({ 'a.png': PROPOSED });
});

test('While a run is under way nothing is begun', async () => {
  await fill(['a.png']);
  training = true;
  await captioning.propose('k');
  expect(captioning.now.state).toBe('training');
  expect(workers.list).toHaveLength(0);
});

test('A stop ends after the picture under way', async () => {
  await fill(['a.png', 'b.png', 'c.png']);
  workers.next.push({ before: (_: unknown, index: number) => void (index === 1 && captioning.stop()) });
  await captioning.propose('k');
  expect(captioning.now.state).toBe('idle');
  expect(captioning.offers.size).toBe(1);
});

test('A model that cannot be used is said by its problem, and asked for once', async () => {
  await fill(['a.png']);
  const refused = Object.assign(new Error('raw'), { name: 'text-as-vision' });
  workers.next.push({ open: () => Promise.reject(refused) });
  await captioning.propose('k');
  expect(captioning.now).toEqual({
    state: 'failed',
    sentence: 'The file given as vision model is a text model. Give each its own place.',
  });
  expect(workers.list).toHaveLength(1);
});

test('Pictures that cannot be looked at are grouped, and tried again', async () => {
  await fill(['bad1.png', 'a.png', 'bad2.png', 'gone.png'], {}, ['gone.png']);
  await captioning.propose('k');
  expect(captioning.failures.map(({ why, ids }) => [why, ids.length])).toEqual([
    ['undecodable-picture', 2],
    ['file-gone', 1],
  ]);
  expect(offered()).toEqual({ 'a.png': PROPOSED });
  await captioning.carryOn('k');
  expect(workerAt(0).asked[1]).toEqual(['bad1.png', 'bad2.png', 'a.png']);
  expect(captioning.failures).toHaveLength(2);
});

test('Proposals follow the options; a template that cannot be read is told, and the proposals stay', async () => {
  await fill(['a.png']);
  await captioning.propose('k');
  page.project = { ...page.project, captions: { template: 'ink: ' } };
  await captioning.follow();
  expect(offered()).toEqual({ 'a.png': `ink: ${PROPOSED}` });
  page.project = { ...page.project, captions: { template: 'broken' } };
  await captioning.follow();
  expect(captioning.templateTrouble).toMatch(/The template cannot be read/);
  expect(offered()).toEqual({ 'a.png': `ink: ${PROPOSED}` });
  page.project = { ...page.project, captions: {} };
  // The worker is asked of anew where it has ended.
  endCaptionerWorker();
  await Promise.resolve();
  await captioning.follow();
  expect(captioning.templateTrouble).toBeUndefined();
  expect(offered()).toEqual({ 'a.png': PROPOSED });
  expect(workers.list).toHaveLength(2);
});

test('A phrase is left out of one picture alone, and brought back', async () => {
  await fill(['a.png', 'b.png']);
  await captioning.propose('k');
  const phrase = { slot: 'place', phrase: 'at the top' };
  await captioning.leaveOut(idOf('a.png'), phrase, true);
  expect(offered()).toEqual({ 'a.png': 'a red star', 'b.png': PROPOSED });
  await captioning.leaveOut(idOf('a.png'), phrase, false);
  expect(offered()).toEqual({ 'a.png': PROPOSED, 'b.png': PROPOSED });
});

test('Another project knows nothing of the one before', async () => {
  await fill(['a.png', 'b.png']);
  await captioning.propose('k');
  expect(await captioning.find('star')).toEqual([idOf('a.png'), idOf('b.png')]);
  captioning.forget();
  expect(captioning.offers.size + captioning.proposals.size).toBe(0);
  expect(captioning.facts).toBeUndefined();
});

async function fill(names: string[], captions: Record<string, string> = {}, without: string[] = []) {
  dataset.pictures = names.map((name, order): Picture => ({
    id: `${name} ${crypto.randomUUID()}`,
    project: 'p',
    order,
    name,
    width: 64,
    height: 64,
    byteLength: 4,
    type: 'image/png',
    digest: name,
    look: '',
    caption: captions[name] ?? '',
    repeats: 1,
    focus: [0.5, 0.5],
  }));
  for (const { id, name } of dataset.pictures) {
    if (!without.includes(name)) await putImage(id, new Blob([name]), new Blob([name]));
  }
}

function idOf(name: string): string {
  return dataset.pictures.find((picture) => picture.name === name)?.id ?? '';
}

function captions(): string[] {
  return dataset.pictures.map(({ caption }) => caption);
}

/** Captions on offer, by name. */
function offered(): Record<string, string> {
  return Object.fromEntries(
    [...captioning.offers].map(([id, { caption }]) => [dataset.byId.get(id)?.name ?? '', caption]),
  );
}

function workerAt(index: number): Fake {
  return workers.list[index] as Fake;
}

function die(index: number): Promise<void> {
  workerAt(index).die(true);
  return new Promise(() => undefined);
}

function end(): Promise<void> {
  endCaptionerWorker();
  return new Promise(() => undefined);
}
