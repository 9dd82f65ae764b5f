/** What the base model brings to the settings, and what it says against them. */
import { expect, test } from 'vitest';
import { familyFacts } from '../../formats/families/families';
import type { ModelMarks } from '../../formats/families/family_facts';
import { adviceOn } from './advice';
import { asksPrediction, lineagesOf, predictionUnsaid } from './base_values';
import { presetReason, projectSettings, type ProjectFacts } from './project_settings';

const project = (kind: string, marks?: ModelMarks, settings = {}): ProjectFacts => ({
  name: 'x',
  purpose: 'character',
  trigger: '',
  settings,
  base: {
    name: 'base',
    byteLength: 1,
    kind,
    where: { in: 'stored', paths: [] },
    ...(marks ? { marks } : {}),
  },
});
const config = (of: ProjectFacts) => projectSettings(of, [], '').config;
const codes = (of: ProjectFacts) => adviceOn(config(of), of).map(({ code }) => code);
const SDXL = familyFacts.sdxl.title.en;
const SD1 = familyFacts.sd1.title.en;
const SD2 = familyFacts.sd2.title.en;

test('SDXL has its sizes, and the reason stands beside them', () => {
  expect(config(project(SDXL))).toMatchObject({
    resolution: 1024,
    max_bucket_reso: 2048,
    train_text_encoder: false,
    v_parameterization: false,
  });
  expect(presetReason(project(SDXL), 'resolution')?.because.en).toMatch(/1024/);
  expect(config(project(SD1))).toMatchObject({
    resolution: 512,
    max_bucket_reso: 1024,
    train_text_encoder: true,
  });
  expect(config(project(SDXL, undefined, { resolution: 768 })).resolution).toBe(768);
});

test('marks of the checkpoint set what they say, with the reason', () => {
  const noob = project(SDXL, { prediction: 'v', zeroTerminalSnr: true, lineage: 'noobai' });
  expect(config(noob)).toMatchObject({
    v_parameterization: true,
    sample_cfg_scale: 5,
    sample_sampler: 'euler',
  });
  expect(config(noob).zero_terminal_snr).toBe(true);
  expect(presetReason(noob, 'v_parameterization')?.because.zh).toMatch(/v 预测/);
  expect(presetReason(noob, 'zero_terminal_snr')?.because.zh).toMatch(/只有噪声/);
  expect(config(project(SDXL, { prediction: 'v' })).zero_terminal_snr).toBe(false);
  expect(config(project(SDXL, { lineage: 'pony' }))).toMatchObject({ sample_cfg_scale: 7 });
  expect(lineagesOf(noob.base)).toEqual(['pony', 'illustrious', 'noobai']);
  expect(lineagesOf(project(SD1).base)).toEqual([]);
});

test('what an SD 2.x predicts is asked where its files do not say, and its size follows', () => {
  const silent = project(SD2);
  expect([asksPrediction(silent.base), predictionUnsaid(silent)]).toEqual([true, true]);
  const marked = project(SD2, { prediction: 'v' });
  expect([asksPrediction(marked.base), predictionUnsaid(marked)]).toEqual([false, false]);
  const said = project(SD2, { prediction: 'v', predictionAsked: true });
  expect([asksPrediction(said.base), predictionUnsaid(said)]).toEqual([true, false]);
  // Settings that came from elsewhere may have said it.
  expect(predictionUnsaid(project(SD2, undefined, { v_parameterization: false }))).toBe(false);
  for (const of of [project(SD1), project(SDXL)])
    expect([asksPrediction(of.base), predictionUnsaid(of)]).toEqual([false, false]);

  for (const each of [marked, said]) {
    expect(config(each)).toMatchObject({ v_parameterization: true, resolution: 768 });
    expect(codes(each)).toEqual([]);
  }
  expect(presetReason(marked, 'v_parameterization')?.because.en).toMatch(/checkpoint says/);
  expect(presetReason(said, 'v_parameterization')?.because.en).toMatch(/You said/);
  expect(config(project(SD2, { prediction: 'epsilon', predictionAsked: true }))).toMatchObject({
    v_parameterization: false,
    resolution: 512,
    train_text_encoder: true,
  });
  expect(config(project(SDXL, { prediction: 'v' })).resolution).toBe(1024);
  expect(codes(project(SD2, { prediction: 'v' }, { v_parameterization: false }))).toEqual(['v-marked']);
  expect(lineagesOf(marked.base)).toEqual([]);
});

test('settings that the base model does not go with are told', () => {
  expect(codes(project(SDXL))).toEqual([]);
  expect(codes(project(SDXL, { prediction: 'v' }, { v_parameterization: false }))).toContain('v-marked');
  expect(codes(project(SDXL, { prediction: 'epsilon' }, { v_parameterization: true }))).toEqual([
    'epsilon-marked',
  ]);
  expect(codes(project(SDXL, { prediction: 'v', zeroTerminalSnr: true }))).toEqual([]);
  expect(
    codes(project(SDXL, { prediction: 'v', zeroTerminalSnr: true }, { zero_terminal_snr: false })),
  ).toEqual(['zero-snr-marked']);
  expect(codes(project(SD1, undefined, { resolution: 512, zero_terminal_snr: true }))).toEqual([
    'zero-snr-without-v',
  ]);
  expect(codes(project(SDXL, undefined, { v_parameterization: true }))).toEqual(['v-on-sd1']);
  expect(codes(project(SDXL, { prediction: 'v' }))).toEqual([]);
  expect(codes(project(SDXL, undefined, { resolution: 512, max_bucket_reso: 768 }))).toEqual([
    'resolution-below-base',
  ]);
  expect(codes(project(SDXL, undefined, { max_bucket_reso: 1024 }))).toEqual(['longest-below-area']);
  expect(codes(project(SDXL, undefined, { clip_skip: 2 }))).toEqual(['text-skip-unused']);
  expect(codes(project(SDXL, undefined, { resolution: 1600, max_bucket_reso: 3200 }))).toEqual([
    'resolution-high',
  ]);
  expect(codes(project(SD1, undefined, { resolution: 512, clip_skip: 2 }))).toEqual([]);
  const pony = (prompt: string) =>
    codes(project(SDXL, { lineage: 'pony' }, { sample_prompts: [prompt], sample_every_n_steps: 10 }));
  expect(pony('a cat')).toEqual(['pony-words']);
  expect(pony('score_9, score_8_up, a cat')).toEqual([]);
});
