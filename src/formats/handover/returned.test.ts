/**
 * What comes back of a job. Names and tags are as sd-scripts (48d368f) writes them; event files by the writer that
 * tensorboard.test.ts holds to tensorboard's own, LoRAs by the writer whose files sd-scripts reads.
 */
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/config';
import { recordBytes, opening } from '../tensorboard/run_events';
import type { EventRecord } from '../tensorboard/event';
import { smallLora } from './returned.testing';
import { readReturned } from './returned';
import { begunAt } from './returned_log';
import { readLoraName, readSampleName } from './returned_names';
import type { Returned, ReturnedFile } from '../../protocol/handover';
import { handoverFiles } from './handover';
import { checkConfig } from '../config/config';
import { sha256Hex } from '../safetensors/sha256';

test.each([
  ['ink-step00000100.safetensors', { stem: 'ink', step: 100 }],
  ['a-b-000003.safetensors', { stem: 'a-b', epoch: 3 }],
  ['out/ink-2.safetensors', { stem: 'ink-2' }],
  ['000003.safetensors', { stem: '000003' }],
  ['ink-step9007199254740993.safetensors', { stem: 'ink-step9007199254740993' }],
])('the LoRA %s', (path, name) => {
  expect(readLoraName(path)).toEqual(name);
});

test.each([
  ['ink_000100_00_20260101120000_7.png', { step: 100, index: 0, seed: 7 }],
  ['sample/my_ink_2_e000003_11_20260101120000.png', { epoch: 3, index: 11 }],
  ['000100_00_20260101120000_42.png', { step: 100, index: 0, seed: 42 }],
  ['ink_000100_00_2026.png', undefined],
  ['ink_100_00_20260101120000_7.png', undefined],
  ['ink_000100_00_20260101120000_x.png', undefined],
  ['20260101120000.png', undefined],
  ['ink_9007199254740993_00_20260101120000_7.png', undefined],
])('the sample %s', (path, name) => {
  expect(readSampleName(path)).toEqual(name);
});

const BEGUN = 1_780_000_000;
const blob = (...parts: BlobPart[]) => new Blob(parts);
const file = (path: string, content: Blob | string): ReturnedFile => ({
  path,
  file: typeof content === 'string' ? blob(content) : content,
});

function scalars(step: number, values: Record<string, number>): EventRecord {
  const list = Object.entries(values).map(([tag, scalar]) => ({ tag, scalar }));
  return { time: BEGUN + step * 2, step, what: { kind: 'values', values: list } };
}
const events = (...records: EventRecord[]) => blob(...[...opening(BEGUN, 0), ...records].map(recordBytes));
const steps = (...losses: number[]) =>
  losses.map((loss, i) =>
    scalars(i + 1, { 'loss/current': loss, 'loss/average': loss, 'lr/unet': 2 ** -10, 'lr/textencoder': 2 ** -12 }),
  ); // prettier-ignore
const LOG = 'logs/20260529011320/network_train/events.out.tfevents.1780000000.host.1.0';

const METADATA = {
  ss_output_name: 'ink',
  ss_steps: '4',
  ss_epoch: '2',
  ss_max_train_steps: '6',
  ss_num_batches_per_epoch: '4',
  ss_gradient_accumulation_steps: '2',
  ss_learning_rate: '0.0003',
  ss_network_dim: '3',
  ss_num_train_images: '40',
  ss_dataset_dirs: '{"10_x": {"n_repeats": 10, "img_count": 4}}',
  ss_training_started_at: String(BEGUN),
  ss_training_finished_at: String(BEGUN + 100.5),
  ss_sd_model_name: 'photon.safetensors',
  ss_new_sd_model_hash: 'ab'.repeat(32),
};
const lora = (more: Record<string, string> = {}) => smallLora(3, { ...METADATA, ...more });

/** A PNG by its first bytes: what it shows is for who looks. */
const look = async (picture: Blob) =>
  (await picture.slice(0, 4).text()) === 'good' ? { width: 64, height: 96 } : undefined;
const read = (...files: ReturnedFile[]): Promise<Returned> => readReturned(files, look);

test('a curve of more steps than a call takes arguments has a beginning', () => {
  const many = new Map(Array.from({ length: 200_000 }, (_, i) => [i, { time: 200_007 - i }]));
  expect(begunAt(many)).toBe(8);
});

describe('a run that came back', () => {
  test('LoRAs by step, the curve by step and epoch, samples by prompt, and its settings', async () => {
    const { run, notes } = await read(
      file('output/ink.safetensors', lora({ ss_steps: '6', ss_epoch: '3' })),
      file('output/ink-step00000002.safetensors', lora({ ss_steps: '2', ss_epoch: '1' })),
      file('output/ink-000002.safetensors', lora({ ss_steps: '4' })),
      file(
        LOG,
        events(...steps(0.5, 0.25, 0.125, 0.5, 0.25, 0.125), scalars(2, { 'loss/epoch_average': 9 })),
      ),
      file('sample_prompts.txt', '# none\na cat --d 9 --w 256\n\na dog\n'),
      file('output/sample/ink_000002_00_20260529011400_9.png', 'good'),
      file('output/sample/ink_e000002_01_20260529011500.png', 'good'),
    );
    expect(notes).toEqual([]);
    expect(run?.loras.map(({ step, epoch, name, final }) => [step, epoch, name, final])).toEqual([
      [2, 1, 'ink-step00000002.safetensors', false],
      [4, 2, 'ink-000002.safetensors', false],
      [6, 3, 'ink.safetensors', true],
    ]);
    // Four batches an epoch, two a step.
    expect(run?.points.map(({ step, epoch, loss }) => [step, epoch, loss])).toEqual([
      ...[[1, 1, 0.5], [2, 1, 0.25], [3, 2, 0.125]], // prettier-ignore
      ...[[4, 2, 0.5], [5, 3, 0.25], [6, 3, 0.125]], // prettier-ignore
    ]);
    expect(run?.points[2]).toMatchObject({ learningRate: 2 ** -10, textLearningRate: 2 ** -12, averageLoss: 0.125, seconds: 4 }); // prettier-ignore
    expect(run?.samples.map(({ step, prompt, seed, width }) => [step, prompt, seed, width])).toEqual([
      [2, 'a cat --d 9 --w 256', 9, 64],
      // Epoch 2 ends at step 4; the seed is what the line and the settings give.
      [4, 'a dog', 43, 64],
    ]);
    expect(run).toMatchObject({
      ...{ name: 'ink', step: 6, steps: 6, images: 4, baseName: 'photon', baseSha256: 'ab'.repeat(32) },
      ...{ startedAt: BEGUN * 1000, seconds: 100.5 },
    });
    expect(parseConfig(run?.config ?? '')).toMatchObject({
      ...{ output_name: 'ink', lora_rank: 3, learning_rate: 0.0003, gradient_accumulation_steps: 2 },
      sample_prompts: ['a cat --d 9 --w 256', 'a dog'],
    });
  });

  test('without prompts samples are told apart by their place; without steps they are named', async () => {
    const { run, notes } = await read(
      file('ink_000010_03_20260529011400_9.png', 'good'),
      file('ink_e000002_00_20260529011400_9.png', 'good'),
    );
    expect(run?.samples.map(({ prompt, seed }) => [prompt, seed])).toEqual([['#4', 9]]);
    expect(notes).toEqual([{ file: 'ink_e000002_00_20260529011400_9.png', why: 'no-step' }]);
  });

  test('a log that is cut or damaged counts as far as it goes, and is named', async () => {
    const whole = new Uint8Array(await events(...steps(1, 2, 3)).arrayBuffer());
    const cut = await read(file(LOG, blob(whole.subarray(0, whole.length - 5))));
    expect(cut.run?.points.map(({ loss }) => loss)).toEqual([1, 2]);
    expect(cut.notes).toEqual([]);
    const damaged = Uint8Array.from(whole);
    damaged[whole.length - 40] ^= 4;
    const { run, notes } = await read(file(LOG, blob(damaged)));
    expect(run?.points.map(({ loss }) => loss)).toEqual([1, 2]);
    expect(notes).toMatchObject([{ file: LOG, why: 'log-damaged' }]);
    expect(await read(file('x.tfevents.1', 'no event file at all'))).toEqual({
      run: undefined,
      notes: [{ file: 'x.tfevents.1', why: 'log-damaged', offset: 0 }],
    });
  });

  test('of two starts the later is taken, of two runs the one that ended last; what is set aside is named', async () => {
    const older = LOG.replace('20260529011320', '20260528011320');
    const earlier = blob(recordBytes({ ...scalars(1, { 'loss/current': 8 }), time: BEGUN - 9000 }));
    const { run, notes } = await read(
      file(older, earlier),
      file(LOG, events(...steps(1))),
      file('ink.safetensors', lora()),
      file('ink-step00000004.safetensors', lora()),
      file(
        'other.safetensors',
        lora({ ss_output_name: 'other', ss_training_finished_at: String(BEGUN + 50) }),
      ),
    );
    expect(run?.points.map(({ loss }) => loss)).toEqual([1]);
    expect(run?.loras.map(({ name }) => name)).toEqual(['ink.safetensors']);
    expect(notes).toEqual([
      { file: 'other.safetensors', why: 'other-run' },
      { file: older, why: 'other-run' },
      { file: 'ink-step00000004.safetensors', why: 'same-step' },
    ]);
  });

  test('what is damaged or foreign is named, each for what it is', async () => {
    const whole = new Uint8Array(await lora().arrayBuffer());
    const { run, notes } = await read(
      file('ink.safetensors', lora()),
      file('half.safetensors', blob(whole.subarray(0, whole.length - 9))),
      file('unet.safetensors', smallLora(3, {}, 'model.diffusion_model.')),
      file('output/sample/ink_000004_00_20260529011400_9.png', 'broken'),
      file('output/sample/holiday.png', 'good'),
      file('output/ink-step00000004-state/model.safetensors', lora()),
      file('notes.docx', 'x'),
      file('config.toml', 'not = [toml'),
    );
    expect(run?.loras).toHaveLength(1);
    expect(notes.map(({ file: path, why }) => [path, why])).toEqual([
      ['output/ink-step00000004-state/model.safetensors', 'state'],
      ['notes.docx', 'unknown'],
      ['half.safetensors', 'error'],
      ['unet.safetensors', 'error'],
      ['output/sample/ink_000004_00_20260529011400_9.png', 'picture-damaged'],
      ['output/sample/holiday.png', 'no-sample-name'],
    ]);
    const errors = notes.flatMap((each) => (each.why === 'error' ? [each.error] : []));
    expect(errors).toMatchObject([{ name: 'SafetensorsError', code: 'truncated' }, { name: 'LoraError' }]);
  });

  test('the folder of a job: what was sent is told from what came of it, and compared', async () => {
    const config = checkConfig({ output_name: 'ink', lora_rank: 3, learning_rate: 5e-4, flip_aug: true, sample_prompts: ['a cat'] }); // prettier-ignore
    const own = handoverFiles({
      ...{ config, folders: [], baseName: 'photon.safetensors', processes: 1, cpu: false },
      weights: 'lora/before.safetensors',
    });
    const sent: [string, string][] = [...own, ['images/1_times/00001-a.png', 'a picture'], ['lora/before.safetensors', 'the LoRA so far']]; // prettier-ignore
    const sums = await Promise.all(
      sent.map(async ([path, text]) => `${await sha256Hex(new TextEncoder().encode(text))}  ${path}\n`),
    );
    const { run, notes } = await read(
      ...sent.map(([path, text]) =>
        file(`ink-handover/${path}`, path === 'accelerate.yaml' ? `${text}# four\n` : text),
      ),
      file('ink-handover/SHA256SUMS', sums.join('')),
      file('ink-handover/base/photon.safetensors', 'a model'),
      file('ink-handover/output/ink.safetensors', lora({ ss_learning_rate: '0.1' })),
    );
    expect(notes).toEqual([]);
    expect(run).toMatchObject({
      job: { files: sent.length, changed: ['ink-handover/accelerate.yaml'] },
      trainedFrom: 'before.safetensors',
      loras: [{ name: 'ink.safetensors' }],
    });
    expect(parseConfig(run?.config ?? '')).toMatchObject({ learning_rate: 5e-4, flip_aug: true });
    expect(parseConfig(run?.config ?? '').sample_prompts[0]).toMatch(/^a cat --w/);
  });

  test('nothing of a run is no run', async () => {
    const { run, notes } = await read(file('a.txt', 'x'), file('README.md', 'x'), file('.DS_Store', 'x'));
    expect(run).toBeUndefined();
    expect(notes).toEqual([{ file: 'a.txt', why: 'unknown' }]);
    const damaged = 'ink_000004_00_20260529011400_9.png';
    expect(await read(file(damaged, 'broken'))).toEqual({ run: undefined, notes: [{ file: damaged, why: 'picture-damaged' }] }); // prettier-ignore
  });
});
