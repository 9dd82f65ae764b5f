/** What the base model says against a configuration, on the command line. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultConfig } from '../src/formats/config/config';
import { familyFacts } from '../src/formats/families/families';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { baseNotes } from './base_notes';

const marked = fromBytes(
  writeSafetensors([{ name: 'v_pred', dtype: 'F32', shape: [0], data: new Uint8Array() }], {}),
);

test('settings of SD 1.x with an SDXL that predicts v', async () => {
  const notes = await baseNotes(defaultConfig(), familyFacts.sdxl, [marked]);
  expect(notes.map((note) => note.split(':')[0])).toEqual(['v_parameterization', 'resolution']);
  expect(await baseNotes(defaultConfig(), familyFacts.sd1, [])).toEqual([]);
  const coarse = await baseNotes({ ...defaultConfig(), base_precision: 'nf4' }, familyFacts.sd1, []);
  expect(coarse).toEqual([expect.stringMatching(/^base_precision: Experimental/)]);
  expect(await baseNotes({ ...defaultConfig(), base_precision: 'int8' }, familyFacts.sd1, [])).toEqual([]);
  const fine = { ...defaultConfig(), bucket_reso_steps: 32, resolution: 1024, max_bucket_reso: 2048 };
  expect(await baseNotes(fine, familyFacts.sdxl, [])).toEqual([]);
  expect(await baseNotes(fine, familyFacts.sd1, [])).toEqual([
    expect.stringMatching(/^bucket_reso_steps: .*multiples of 64/),
  ]);
  const alone = { ...defaultConfig(), zero_terminal_snr: true };
  expect(await baseNotes(alone, familyFacts.sd1, [])).toEqual([
    expect.stringMatching(/^zero_terminal_snr: .*Turn v-prediction on too/),
  ]);
});

test('what the scheduler of a diffusers folder says', async () => {
  const base_model = await mkdtemp(join(tmpdir(), 'model-'));
  const said = async (scheduler: object) => {
    await mkdir(join(base_model, 'scheduler'), { recursive: true });
    await writeFile(join(base_model, 'scheduler', 'scheduler_config.json'), JSON.stringify(scheduler));
    const notes = await baseNotes({ ...defaultConfig(), base_model }, familyFacts.sd1, []);
    return notes.map((note) => note.split(':')[0]);
  };
  try {
    expect(await said({ prediction_type: 'v_prediction', rescale_betas_zero_snr: true })).toEqual([
      'v_parameterization',
      'zero_terminal_snr',
    ]);
    expect(await said({ prediction_type: 'epsilon' })).toEqual([]);
  } finally {
    await rm(base_model, { recursive: true });
  }
});
