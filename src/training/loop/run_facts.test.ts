/** What may change between a run and its resumption, and what may not: each is named. */
import { expect, test } from 'vitest';
import { configFields, type FieldName } from '../../formats/config/config_fields';
import { defaultConfig } from '../../formats/config/config';
import { placeImages, type TrainingImage } from '../data/dataset';
import { SAME, SAME_IF_USED } from '../plan/run_plan';
import { alphaFactor, changesSentence, changesSince, ROLES, runFacts } from './run_facts';

const picture = (name: string, more: Partial<TrainingImage> = {}): TrainingImage => ({
  name,
  caption: name,
  repeats: 1,
  size: [1000, 600],
  pixels: () => Promise.reject(new Error('not asked for')),
  digest: () => Promise.resolve(`digest of ${name}`),
  ...more,
});
const some = [picture('a.png'), picture('b.png'), picture('c.png'), picture('d.png')];
const base = { legacy: ['aaaaaaaa'], sha256: 'one' };
const facts = async (
  changes: Partial<ReturnType<typeof defaultConfig>> = {},
  images = some,
  of: typeof base | { legacy: string[] } = base,
) => {
  const config = { ...defaultConfig(), ...changes };
  return runFacts(config, placeImages(images, config), of);
};

test.each(Object.keys(ROLES) as FieldName[])('%s', async (name) => {
  const { default: value } = configFields[name];
  const other: unknown =
    typeof value === 'boolean'
      ? !value
      : typeof value === 'number'
        ? value + 64
        : Array.isArray(value)
          ? ['x']
          : 'x';
  const [was, now] = [await facts(), await facts()];
  const settings = { ...now.settings, ...(Object.hasOwn(now.settings, name) ? { [name]: other } : {}) };
  const { refused, told } = changesSince(was, { ...now, settings });
  const of = (list: typeof told) =>
    list.map((change) => (change.what === 'setting' ? change.name : change.what));
  expect({ refused: of(refused), told: of(told) }).toEqual({
    refused: ROLES[name] === 'fixed' ? [name] : [],
    told: ROLES[name] === 'told' || ROLES[name] === 'folded' ? [name] : [],
  });
});

test('nothing changed is nothing', async () => {
  expect(changesSince(await facts(), await facts())).toEqual({ refused: [], told: [] });
});

test('pictures with other content, captions, crops, repeats; new ones, missing ones, another order', async () => {
  const was = await facts();
  const since = async (images: TrainingImage[]) =>
    changesSentence(changesSince(was, await facts({}, images)).refused);
  const [a, b, c, d] = some;
  const repainted = some.map((each) => ({ ...each, digest: () => Promise.resolve('another') }));
  expect(await since(repainted)).toBe('pictures with other content: a.png, b.png, c.png and 1 more');
  expect(await since([picture('a.png', { caption: 'x' }), b, c, d])).toBe(
    'pictures with another caption: a.png',
  );
  expect(await since([a, picture('b.png', { focus: [0, 0.5] }), c, d])).toBe(
    'pictures cut or repeated otherwise: b.png',
  );
  expect(await since([a, picture('b.png', { repeats: 3 }), c, d])).toBe(
    'pictures cut or repeated otherwise: b.png',
  );
  expect(await since([a, b, c])).toBe('pictures that are missing: d.png');
  expect(await since([a, b, c, d, picture('e.png')])).toBe('pictures that are new: e.png');
  expect(await since([b, a, c, d])).toBe('pictures in another order, beginning with: b.png');
  // Where nobody knows a file's digest, nothing is claimed of it.
  expect(
    await since(some.map((each) => ({ ...each, digest: () => Promise.resolve('digest of ' + each.name) }))),
  ).toBe('');
});

test('another base model, by its whole content where that is known on both sides', async () => {
  const since = async (of: Parameters<typeof facts>[2]) =>
    changesSince(await facts(), await facts({}, some, of)).refused;
  expect(await since({ legacy: ['aaaaaaaa'], sha256: 'two' })).toEqual([{ what: 'base' }]);
  expect(await since({ legacy: ['bbbbbbbb'] })).toEqual([{ what: 'base' }]);
  expect(await since({ legacy: ['aaaaaaaa'] })).toEqual([]);
});

test('alpha is folded; a field that a state does not know had its default', async () => {
  const [was, now] = [await facts({ lora_alpha: 8 }), await facts({ lora_alpha: 2 })];
  expect(changesSince(was, now).refused).toEqual([]);
  expect(alphaFactor(was, now)).toBe(4);
  const before = Object.entries(was.settings).filter(([name]) => name !== 'noise_offset');
  const older = { ...was, settings: Object.fromEntries(before) };
  expect(changesSince(older, was).refused).toEqual([]);
  const offset = await facts({ lora_alpha: 8, noise_offset: 0.1 });
  expect(changesSentence(changesSince(older, offset).refused)).toBe('noise_offset was 0 and is 0.1');
});

test('states from before there were facts are guarded against every new field that may not change', () => {
  // Those that such states had, and did not guard.
  const before = new Set<string>([
    'lora_dropout',
    'weight_decay',
    'adam_beta1',
    'adam_beta2',
    'adam_eps',
    'lr_scheduler',
    'lr_warmup_steps',
    'lr_scheduler_num_cycles',
    'lr_scheduler_power',
    'max_grad_norm',
    'resolution',
    'enable_bucket',
    'min_bucket_reso',
    'max_bucket_reso',
    'bucket_reso_steps',
    'bucket_no_upscale',
    'shuffle_caption',
    'keep_tokens',
    'caption_dropout_rate',
    'max_token_length',
    'clip_skip',
    'v_parameterization',
    'min_snr_gamma',
    'noise_offset',
  ]);
  const guarded = new Set<string>([...SAME, ...SAME_IF_USED]);
  const fixed = Object.entries(ROLES).filter(([, role]) => role === 'fixed');
  expect(fixed.map(([name]) => name).filter((name) => !before.has(name) && !guarded.has(name))).toEqual([]);
});
