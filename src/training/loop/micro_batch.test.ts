/** What a loss is weighed by, from the settings. */
import { expect, test } from 'vitest';
import { debiasedWeight, minSnrWeight } from '../step/noise_schedule';
import { lossWeight } from './micro_batch';
import { noiseSchedule } from '../../models/schedule';
import { sd1Facts } from '../../formats/families/sd1';

const plain = { min_snr_gamma: 0, debiased_estimation_loss: false, v_parameterization: false };
const schedule = noiseSchedule(sd1Facts.noise);

test('debiased estimation weighs by itself, and multiplies with min-SNR', () => {
  for (const t of [0, 300, 999])
    for (const v_parameterization of [false, true]) {
      const weigh = (changes: Partial<typeof plain>) =>
        lossWeight(schedule, { ...plain, v_parameterization, ...changes }, t);
      const debiased = debiasedWeight(schedule, t, v_parameterization);
      expect(weigh({})).toBe(1);
      expect(weigh({ debiased_estimation_loss: true })).toBe(debiased);
      expect(weigh({ debiased_estimation_loss: true, min_snr_gamma: 5 })).toBeCloseTo(
        debiased * minSnrWeight(schedule, t, 5, v_parameterization),
        12,
      );
    }
});
