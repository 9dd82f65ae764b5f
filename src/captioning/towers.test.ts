import { describe, expect, it } from 'vitest';
import { makeTokenizer } from '../formats/captions/tokenizer';
import { openClip } from './clip_model';
import { cosine, unit } from './embedding';
import expected from './fixtures/expected.json';
import { fixture, merges, runtime } from './models.testing';
import { roleOf, type Signature } from './signature';
import { openTagger } from './tagger_model';
import { openText, textFeeds } from './text_tower';
import { openVision } from './vision_tower';

const tokenizer = makeTokenizer(merges, 1214);
const wave = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 0.05));
const problem = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: Error) => error.name,
  );

describe('openVision', () => {
  it('gives what onnxruntime gives in Python, singly and in a batch', async () => {
    const tower = await openVision(runtime, fixture('vision.onnx'));
    expect(tower).toMatchObject({ side: 32, dimensions: 16, provider: 'wasm' });
    const other = wave(3 * 32 * 32).reverse();
    const [one, two] = await tower.embed([wave(3 * 32 * 32), other]);
    expect(cosine(one, unit(expected.vision))).toBeGreaterThan(0.999999);
    expect(cosine(two, (await tower.embed([other]))[0])).toBeGreaterThan(0.999999);
    await tower.close();
  });

  it('finds the side by trying, and takes halves and one picture at a time', async () => {
    const tower = await openVision(runtime, fixture('vision_half.onnx'));
    expect(tower).toMatchObject({ side: 224, dimensions: 16 });
    const tensor = wave(3 * 224 * 224);
    const embeddings = await tower.embed([tensor, tensor, tensor]);
    expect(embeddings).toHaveLength(3);
    for (const each of embeddings) expect(cosine(each, unit(expected.vision_half))).toBeGreaterThan(0.9999);
  });

  it('refuses other models, each with its own name', async () => {
    expect(await problem(openVision(runtime, fixture('text.onnx')))).toBe('text-as-vision');
    expect(await problem(openVision(runtime, fixture('tagger.onnx')))).toBe('tagger-as-clip');
    expect(await problem(openVision(runtime, fixture('vision_unprojected.onnx')))).toBe('unknown-model');
    const damaged = fixture('vision.onnx');
    damaged[Buffer.from(damaged).indexOf('Conv')] = 'X'.charCodeAt(0);
    expect(await problem(openVision(runtime, damaged))).toBe('model-not-loadable');
  });
});

describe('openText', () => {
  it('gives what onnxruntime gives in Python; neither batch nor padding changes it', async () => {
    const tower = await openText(runtime, fixture('text.onnx'), tokenizer);
    const texts = ['a red star', 'a', 'two small green circles on a striped yellow background', ''];
    const seen: number[] = [];
    const together = await tower.embed(texts, (done) => seen.push(done));
    expect(seen).toEqual([4]);
    for (const [i, text] of texts.entries()) {
      expect(cosine(together[i], (await tower.embed([text]))[0])).toBeGreaterThan(0.99999);
    }
    expect(cosine(together[0], together[2])).toBeLessThan(0.999);
  });

  it('takes int32 ids of a fixed number and length without a mask', async () => {
    const tower = await openText(runtime, fixture('text_fixed.onnx'), tokenizer);
    const [one, two] = await tower.embed(['a red star', 'a blue star']);
    expect([one.length, two.length]).toEqual([16, 16]);
    expect(cosine(one, two)).toBeLessThan(1);
  });

  it('refuses other models, each with its own name', async () => {
    expect(await problem(openText(runtime, fixture('vision.onnx'), tokenizer))).toBe('vision-as-text');
    expect(await problem(openText(runtime, fixture('tagger.onnx'), tokenizer))).toBe('tagger-as-clip');
  });
});

describe('textFeeds', () => {
  const value = (name: string, type: string) => ({ name, type, shape: [undefined, undefined] });
  const signature: Signature = {
    inputs: [value('input_ids', 'int64'), value('attention_mask', 'int64')],
    outputs: [],
  };
  const { bos, eos } = tokenizer;
  const prompts = [
    [bos, 5, 6, eos, eos, eos],
    [bos, 7, eos, eos, eos, eos],
  ];
  const feed = (fixed?: number) => textFeeds(runtime, signature, prompts, tokenizer, fixed);

  it('cuts behind the longest, and masks what follows the end', () => {
    const { input_ids, attention_mask } = feed() as unknown as Record<
      string,
      { data: BigInt64Array; dims: readonly number[] }
    >;
    expect(input_ids.dims).toEqual([2, 4]);
    expect(Array.from(input_ids.data, Number)).toEqual([bos, 5, 6, eos, bos, 7, eos, eos]);
    expect(Array.from(attention_mask.data, Number)).toEqual([1, 1, 1, 1, 1, 1, 1, 0]);
  });

  it('fills up to a fixed length with the end token, or cuts before it', () => {
    const ids = (fixed: number) => (feed(fixed).input_ids as { data: BigInt64Array }).data;
    expect(Array.from(ids(5), Number)).toEqual([bos, 5, 6, eos, eos, bos, 7, eos, eos, eos]);
    expect(Array.from(ids(3), Number)).toEqual([bos, 5, eos, bos, 7, eos]);
  });

  it('refuses what CLIP does not ask for', () => {
    const odd = { ...signature, inputs: [...signature.inputs, value('position_ids', 'int64')] };
    expect(() => textFeeds(runtime, odd, prompts, tokenizer, undefined)).toThrow(/position_ids/);
  });
});

describe('openClip', () => {
  it('refuses towers of two models', async () => {
    const files = { vision: fixture('vision_narrow.onnx'), text: fixture('text.onnx') };
    await expect(openClip(runtime, files, tokenizer)).rejects.toMatchObject({
      name: 'towers-differ',
      message: expect.stringContaining('embeddings of 8 numbers, the text file of 16') as unknown,
    });
  });
});

describe('openTagger', () => {
  it('gives what onnxruntime gives in Python', async () => {
    const model = await openTagger(runtime, fixture('tagger.onnx'), 6);
    expect(model.side).toBe(48);
    const found = await model.probabilities(wave(48 * 48 * 3).map((x) => x * 100 + 120));
    expected.tagger.forEach((p, i) => expect(found[i]).toBeCloseTo(p, 4));
  });

  it('names one that takes channels first', async () => {
    const model = openTagger(runtime, fixture('tagger_channels_first.onnx'), 6);
    await expect(model).rejects.toMatchObject({
      name: 'tagger-channels-first',
      message: expect.stringContaining('channels first (NCHW)') as unknown,
    });
  });

  it('refuses CLIP, and a list of other tags', async () => {
    expect(await problem(openTagger(runtime, fixture('vision.onnx'), 6))).toBe('clip-as-tagger');
    expect(await problem(openTagger(runtime, fixture('text.onnx'), 6))).toBe('clip-as-tagger');
    expect(await problem(openTagger(runtime, fixture('tagger.onnx'), 7))).toBe('tags-differ');
  });
});

describe('roleOf', () => {
  it('knows a whole CLIP in one file, and what is none of these', () => {
    const value = (name: string, shape: (number | undefined)[]) => ({ name, type: 'float32', shape });
    const pixels = value('pixel_values', [undefined, 3, undefined, undefined]);
    const ids = value('input_ids', [undefined, undefined]);
    expect(roleOf({ inputs: [ids, pixels], outputs: [] })).toBe('whole-clip');
    expect(roleOf({ inputs: [value('sample', [1, 4, 64, 64])], outputs: [] })).toBe('other');
    expect(roleOf({ inputs: [], outputs: [] })).toBe('other');
  });
});
