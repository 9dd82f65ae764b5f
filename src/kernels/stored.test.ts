import { expect, test } from 'vitest';
import { floatsToHalves, halfToFloat } from './linear/half_bits';
import { onEveryTier } from './on_every_tier';
import { cases } from './stored.cases';

onEveryTier(cases);

test('every half is the number that its bits stand for', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = halfToFloat(bits);
    if (Number.isNaN(value)) continue;
    expect(floatsToHalves(Float32Array.of(value))[0]).toBe(bits);
  }
});
