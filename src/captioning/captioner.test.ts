import { describe, expect, it } from 'vitest';
import type { CaptionEvent, OpenEvent } from '../protocol/captioner';
import { captionerOn, clip, file, options, picture, plain, tagger } from './models.testing';
import { taggerTensor } from './tagger_preprocess';

const set = [
  picture('red'),
  picture('green', [30, 200, 60]),
  { ...picture('broken'), file: new Blob(['x']) },
  picture('blue', [20, 30, 220]),
];

async function opened(parts?: Parameters<typeof captionerOn>[0]) {
  const captioner = captionerOn(parts);
  await captioner.open(clip, () => undefined);
  return captioner;
}

function memory() {
  const kept = new Map<string, Float32Array>();
  return {
    kept,
    get: (model: string, what: string) => Promise.resolve(kept.get(`${model} ${what}`)),
    put: (model: string, what: string, numbers: Float32Array) =>
      Promise.resolve(void kept.set(`${model} ${what}`, numbers)),
  };
}

describe('open', () => {
  it('says what it loads and what it opened', async () => {
    const events: OpenEvent[] = [];
    const facts = await captionerOn().open(clip, (event) => void events.push(event));
    expect(facts).toMatchObject({ kind: 'clip', provider: 'wasm', threads: 1, side: 32, dimensions: 16 });
    expect(facts.slots.map((slot) => slot.name)).toEqual(['subject', 'ground', 'place']);
    const total = clip.vision.size + clip.text.size;
    const loads = events.filter((event) => event.kind === 'load');
    expect(loads.at(0)).toEqual({ kind: 'load', done: 0, total });
    expect(loads.at(-1)).toEqual({ kind: 'load', done: total, total });
    const phrases = events.filter((event) => event.kind === 'phrases').map((event) => event.done);
    expect(phrases).toEqual([...phrases].sort((a, b) => a - b));
    expect(events.at(-1)).toMatchObject({ kind: 'phrases', done: phrases.at(-1), total: phrases.at(-1) });
  });

  it('refuses files with the name of the problem, and can open another afterwards', async () => {
    const captioner = captionerOn();
    const problem = (model: Parameters<typeof captioner.open>[0]) =>
      captioner
        .open(model, () => undefined)
        .then(
          () => 'none',
          (error: Error) => error.name,
        );
    expect(await problem({ ...clip, vision: new Blob() })).toBe('empty-model');
    expect(await problem({ ...clip, vision: new Blob(['<html>404</html>']) })).toBe('web-page-as-model');
    expect(await problem({ ...clip, vision: clip.vision.slice(0, 5000) })).toBe('model-cut-short');
    expect(await problem({ ...clip, vision: clip.text })).toBe('text-as-vision');
    expect(await problem({ ...tagger, tags: new Blob(['a,b\n']) })).toBe('not-a-tag-list');
    expect(await problem({ ...tagger, tags: new Blob(['name,category\na,0\n']) })).toBe('tags-differ');
    await expect(captioner.find('x')).rejects.toMatchObject({ name: 'no-model-open' });
    expect(await problem(clip)).toBe('none');
  });

  it('says when a part of the studio cannot be loaded, and asks again the next time', async () => {
    let fails = true;
    const captioner = captionerOn({
      wordList: () => (fails ? Promise.reject(new Error('offline')) : Promise.resolve('')),
    });
    await expect(captioner.open(clip, () => undefined)).rejects.toMatchObject({ name: 'word-list-missing' });
    fails = false;
    await expect(captioner.open(clip, () => undefined)).rejects.toThrow(/token table/);
  });
});

describe('caption', () => {
  it('reports every picture, the unreadable one with its sentence, and keeps the others', async () => {
    const captioner = await opened();
    const events: CaptionEvent[] = [];
    const { proposals } = await captioner.caption(set, options, (event) => void events.push(event));
    expect(events.map((event) => [event.kind, event.done, event.total])).toEqual([
      ['proposal', 1, 4],
      ['proposal', 2, 4],
      ['failed', 3, 4],
      ['proposal', 4, 4],
    ]);
    expect(events[2]).toMatchObject({
      id: 'broken',
      problem: 'undecodable-picture',
      sentence: 'broken.png cannot be decoded.',
    });
    expect(proposals.map(({ id }) => id)).toEqual(['red', 'green', 'blue']);
    expect((await captioner.find('a red star')).map(({ id }) => id).sort()).toEqual(['blue', 'green', 'red']);
    expect(await captioner.similarity()).toEqual({ outliers: [], nearDuplicates: [] });
  });

  it('stops after the picture under way, goes on later, and knows both', async () => {
    const captioner = await opened();
    const first = await captioner.caption(set, options, () => captioner.stop());
    expect(first.proposals.map(({ id }) => id)).toEqual(['red']);
    const rest = await captioner.caption(set.slice(1), options, () => undefined);
    expect(rest.proposals.map(({ id }) => id)).toEqual(['red', 'green', 'blue']);
  });

  it('composes anew with a person’s template and terms, without looking again', async () => {
    let decoded = 0;
    const captioner = await opened({
      decode: () => Promise.resolve(plain(40, 40, [(decoded += 1), 0, 0])),
    });
    await captioner.caption(set, options, () => undefined);
    const made = await captioner.compose({
      ...options,
      template: 'picture, [place]',
      terms: { place: ['on the moon'], nowhere: ['x'] },
    });
    expect(decoded).toBe(4);
    for (const { caption } of made.proposals) expect(caption).toMatch(/^picture(, |$)/);
    await expect(captioner.compose({ ...options, template: '[color]' })).rejects.toMatchObject({
      name: 'bad-template',
    });
  });

  it('counts the trigger word among the tokens, and leaves writing it to others', async () => {
    const captioner = await opened();
    const long = { ...options, trigger: Array.from({ length: 74 }, () => 'a').join(' '), template: 'a b c' };
    const { proposals } = await captioner.caption([picture('red')], long, () => undefined);
    expect(proposals[0]).toMatchObject({ caption: '', cut: true });
  });

  it('finds pictures and phrases where they were kept, under this model only', async () => {
    const cache = memory();
    await (await opened({ cache })).caption(set, options, () => undefined);
    expect([...cache.kept.keys()].filter((key) => key.startsWith('tiny picture'))).toHaveLength(3);
    expect([...cache.kept.keys()].filter((key) => key.startsWith('tiny phrases'))).toHaveLength(3);
    const again = await opened({ cache, decode: () => Promise.reject(new Error('looked again')) });
    const { proposals } = await again.caption(set.slice(0, 2), options, () => undefined);
    expect(proposals).toHaveLength(2);
    // What does not fit, or cannot be read, is made anew.
    for (const key of cache.kept.keys()) cache.kept.set(key, new Float32Array(3));
    const failing = { ...cache, put: () => Promise.reject(new Error('no room')) };
    const third = await opened({ cache: failing });
    expect((await third.caption(set, options, () => undefined)).proposals).toHaveLength(3);
  });
});

describe('a tagger', () => {
  it('says tags above their thresholds, surest first, spaces for underscores', async () => {
    const captioner = captionerOn();
    const facts = await captioner.open(tagger, () => undefined);
    expect(facts).toMatchObject({ kind: 'tagger', side: 48, template: '' });
    expect(facts.slots).toEqual([
      { name: 'character', phrases: 1 },
      { name: 'tag', phrases: 3 },
    ]);
    const asked = { ...options, tagThreshold: 0.5, characterThreshold: 0.5 };
    const shown = async (colour: readonly [number, number, number]) => {
      const { proposals } = await captioner.caption([picture(colour.join(), colour)], asked, () => undefined);
      return proposals.find(({ id }) => id === colour.join());
    };
    // Tags lean on blue, green, red in turn: rating, 1girl, >_<, long_hair, hatsune_miku, an artist.
    expect((await shown([0, 0, 255]))?.caption).toBe('long hair');
    expect((await shown([0, 255, 0]))?.caption).toBe('hatsune miku, 1girl');
    expect((await shown([255, 0, 0]))?.caption).toBe('>_<');
    expect((await shown([0, 0, 0]))?.confidence).toBeUndefined();
    const strict = await captioner.compose({ ...asked, tagThreshold: 1 });
    expect(strict.proposals[1].caption).toBe('hatsune miku');
    await expect(captioner.find('x')).rejects.toMatchObject({ name: 'no-search' });
    await expect(captioner.similarity()).rejects.toMatchObject({ name: 'no-search' });
  });

  it('refuses a CLIP', async () => {
    const model = { ...tagger, model: file('vision.onnx') };
    await expect(captionerOn().open(model, () => undefined)).rejects.toMatchObject({
      name: 'clip-as-tagger',
    });
  });
});

describe('weights in a further file', () => {
  const model = { ...tagger, key: 'external', model: file('tagger_external.onnx') };
  const name = 'tagger_external.onnx_data';

  it('are taken with it: the same tags as with all in one', async () => {
    const [apart, whole] = [captionerOn(), captionerOn()];
    const seen: number[] = [];
    const weights = file(name);
    await apart.open({ ...model, external: [{ name, file: weights }] }, ({ done, total }) => {
      seen.push(done / total);
    });
    expect(seen.at(-1)).toBe(1);
    await whole.open(tagger, () => undefined);
    const asked = { ...options, tagThreshold: 0.05, characterThreshold: 0.05 };
    const looked = async (captioner: typeof apart) =>
      (await captioner.caption([picture('a'), picture('b', [10, 200, 90])], asked, () => undefined))
        .proposals;
    expect(await looked(apart)).toEqual(await looked(whole));
    expect((await looked(apart))[0].said.length).toBeGreaterThan(1);
  });

  it('that are missing are named', async () => {
    for (const external of [undefined, [], [{ name: 'model.onnx_data', file: file(name) }]])
      await expect(
        captionerOn().open({ ...model, ...(external ? { external } : {}) }, () => undefined),
      ).rejects.toMatchObject({
        name: 'external-missing',
        message: expect.stringContaining(
          `The tagger has its weights in ${name}, which is not there`,
        ) as unknown,
      });
  });

  it('that are cut short are not taken for whole', async () => {
    const external = [{ name, file: file(name).slice(0, 20) }];
    await expect(captionerOn().open({ ...model, external }, () => undefined)).rejects.toMatchObject({
      name: 'model-not-loadable',
    });
  });
});

describe('taggerTensor', () => {
  it('puts the picture on a white square, blue first', () => {
    const side = 8;
    const tensor = taggerTensor(plain(8, 4, [10, 20, 30]), side);
    expect(tensor).toHaveLength(side * side * 3);
    expect([...tensor.subarray(0, 3)]).toEqual([255, 255, 255]);
    const middle = (side / 2) * side * 3;
    expect([...tensor.subarray(middle, middle + 3)]).toEqual([30, 20, 10]);
  });
});
