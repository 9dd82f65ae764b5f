import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAPTION_DEFAULTS, type CaptionConfig, captionsAreFixed, processCaption } from './captions';
import { stream } from '../step/random';

const run = (caption: string, config: Partial<CaptionConfig> = {}, draw = 0, epoch = 1): string =>
  processCaption(caption, { ...CAPTION_DEFAULTS, ...config }, stream(1, 'caption', draw), epoch);

describe('processCaption', () => {
  it('leaves a caption alone by default, spacing included', () => {
    expect(run('a cat,  on a mat ,')).toBe('a cat,  on a mat ,');
    expect(run('')).toBe('');
  });

  it('takes the first line only', () => {
    expect(run('one\ntwo')).toBe('one');
    expect(run('one\r\ntwo')).toBe('one');
  });

  it('sets prefix and suffix off by a space', () => {
    expect(run('cat', { prefix: 'sks,', suffix: 'photo' })).toBe('sks, cat photo');
    expect(run('cat', { suffix: 'photo' })).toBe('cat photo');
    expect(run('猫', { prefix: '水墨' })).toBe('水墨 猫');
  });

  it('keeps what a mark sets off, in front and behind, and never trains on the mark', () => {
    const config = { separator: '|||', keepTags: 4 };
    expect(run('zk, girl ||| red, blue', config)).toBe('zk, girl, red, blue');
    expect(run('a, b', config)).toBe('a, b');
    const seen = new Set<string>();
    for (let draw = 0; draw < 100; draw++) {
      const out = run('zk, girl|||a, b, c|||best', { ...config, shuffle: true }, draw).split(', ');
      expect([out[0], out[1], out.at(-1)]).toEqual(['zk', 'girl', 'best']);
      expect(out.slice(2, -1).sort()).toEqual(['a', 'b', 'c']);
      seen.add(out.join());
    }
    expect(seen.size).toBe(6);
    expect(run('zk|||a, b|||best', { ...config, tagDropoutRate: 1 })).toBe('zk, best');
  });

  it('shuffles all but the kept tags, and trims them', () => {
    const tags = ['a', 'b', 'c', 'd', 'e'];
    const seen = new Set<string>();
    for (let draw = 0; draw < 200; draw++) {
      const out = run('a ,b,  c,d,e', { shuffle: true, keepTags: 2 }, draw).split(', ');
      expect(out.slice(0, 2)).toEqual(['a', 'b']);
      expect([...out].sort()).toEqual(tags);
      seen.add(out.join());
    }
    expect(seen.size).toBe(6);
  });

  it('drops tags at their rate, never the kept ones', () => {
    let others = 0;
    for (let draw = 0; draw < 1000; draw++) {
      const out = run('k,a,b,c,d', { tagDropoutRate: 0.3, keepTags: 1 }, draw).split(', ');
      expect(out[0]).toBe('k');
      expect(out.slice(1)).toEqual(['a', 'b', 'c', 'd'].filter((t) => out.includes(t)));
      others += out.length - 1;
    }
    expect(Math.abs(others / 4000 - 0.7)).toBeLessThan(0.03); // 4 sigma = .029
    expect(run('a,b', { tagDropoutRate: 1 })).toBe('');
  });

  it('drops whole captions at their rate, prefix included', () => {
    let dropped = 0;
    for (let draw = 0; draw < 2000; draw++)
      if (run('cat', { dropoutRate: 0.1, prefix: 'p' }, draw) === '') dropped++;
    expect(Math.abs(dropped / 2000 - 0.1)).toBeLessThan(0.027);
    expect(run('cat', { dropoutRate: 1 })).toBe('');
  });

  it('drops every caption of every n-th epoch', () => {
    const out = [1, 2, 3, 4, 5, 6].map((epoch) => run('cat', { dropoutEveryNEpochs: 3 }, 0, epoch));
    expect(out).toEqual(['cat', 'cat', '', 'cat', 'cat', '']);
  });

  it('is the same for the same draw, and does not reshuffle when a dropout rate changes', () => {
    const config = { shuffle: true, tagDropoutRate: 0.2 };
    expect(run('a,b,c,d,e,f', config, 5)).toBe(run('a,b,c,d,e,f', config, 5));
    let same = 0;
    for (let draw = 0; draw < 100; draw++) {
      const dropping = run('a,b,c,d,e,f', { ...config, dropoutRate: 0.1 }, draw);
      if (dropping !== '') expect(dropping).toBe(run('a,b,c,d,e,f', config, draw));
      if (dropping !== '') same++;
    }
    expect(same).toBeGreaterThan(75);
  });

  it('never invents a tag', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(5), fc.nat(), (caption, keepTags, draw) => {
        const allowed = caption
          .split(/\r\n|\n|\r/)[0]
          .split(',')
          .map((t) => t.trim());
        const out = run(caption, { shuffle: true, tagDropoutRate: 0.5, keepTags }, draw);
        if (out !== '') for (const tag of out.split(', ')) expect(allowed).toContain(tag);
      }),
    );
  });
});

describe('captionsAreFixed', () => {
  it('knows when a text embedding can be kept', () => {
    expect(captionsAreFixed({ ...CAPTION_DEFAULTS, prefix: 'x', keepTags: 2 })).toBe(true);
    for (const change of [
      { shuffle: true },
      { dropoutRate: 0.1 },
      { tagDropoutRate: 0.1 },
      { dropoutEveryNEpochs: 2 },
    ])
      expect(captionsAreFixed({ ...CAPTION_DEFAULTS, ...change })).toBe(false);
  });
});
