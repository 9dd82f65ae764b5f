// `--plan` says what the run of the same command would be, a resumed one's too, and trains and writes nothing.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultConfig } from '../src/formats/config/config';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { familyFacts } from '../src/formats/families/families';
import { baseLine } from './train_plan';
import { loraBytes, place, remove, train, type Place, type Settings } from './faults_kit';

let where: Place;
beforeEach(async () => (where = await place()));
afterEach(() => remove(where));

const plan = (settings: Settings) => train(where, settings, '', ['--plan']);

test('a run that begins: steps, LoRA, memory; and that there is nothing to resume', async () => {
  const { status, text } = await plan({ max_train_steps: 3 });
  expect(text).toContain('note: resume: there is no saved state');
  expect(text).toMatch(/^base model: Stable Diffusion 1\.x, trained as one that predicts noise$/m);
  expect(text).toContain('pictures: 2, in 1 size: 2 of 64x64');
  expect(text).toMatch(/^steps: 3 \(2 epochs of 2\), batch_size 1/m);
  expect(text).toMatch(/^memory fits the studio's own aim/m);
  expect(text).not.toContain('step 1/');
  expect(status).toBe(0);
  expect(existsSync(where.output)).toBe(false);
});

test('a resumed run: from which step, with what changed, and what it would refuse', async () => {
  expect((await train(where, { max_train_steps: 2 })).status).toBe(0);
  const [bytes, files] = [await loraBytes(where), await readdir(where.output)];

  const further = await plan({ max_train_steps: 5, learning_rate: 0.0005 });
  expect(further.text).toContain('resume: goes on from step 2 of 5');
  expect(further.text).toMatch(/From step 2 on it is trained with other settings: .*learning_rate/);
  expect(further.status).toBe(0);

  expect((await plan({ max_train_steps: 2 })).text).toContain(
    'resume: this run is complete, 2 of 2 steps are done',
  );
  const refused = await plan({ max_train_steps: 5, lora_rank: 4 });
  expect(refused.text).toMatch(/saved state belongs to a run with other settings.*lora_rank/);
  expect(refused.status).toBe(1);
  expect(await loraBytes(where)).toEqual(bytes);
  expect(await readdir(where.output)).toEqual(files);
});

test('the line on the base model says its family, and what it is trained as', () => {
  const line = (settings: Partial<TrainConfig>) =>
    baseLine({ ...defaultConfig(), ...settings }, familyFacts.sd2);
  expect(line({ v_parameterization: true, zero_terminal_snr: true, base_precision: 'nf4' })).toBe(
    'base model: Stable Diffusion 2.x, trained as one that predicts v, with zero terminal SNR; its U-Net in nf4',
  );
});
