/** Which of several copies is kept. */
import { expect, it } from 'vitest';
import type { Picture } from '../../storage/pictures';
import { better, bestKept } from './copies';

let order = 0;
function picture(id: string, more: Partial<Picture> = {}): Picture {
  return {
    ...{
      id,
      project: 'p',
      order: ++order,
      name: id,
      width: 300,
      height: 200,
      byteLength: 1,
      type: 'image/png',
    },
    ...{ digest: id, look: 'f0'.repeat(8), caption: '', repeats: 1, focus: [0.5, 0.5] },
    ...more,
  };
}

it('puts a caption before size, size before bytes, bytes before age', () => {
  const first = picture('first');
  const second = picture('second');
  const heavy = picture('heavy', { byteLength: 2 });
  const large = picture('large', { width: 600, height: 400 });
  const captioned = picture('captioned', { width: 30, height: 20, caption: 'x' });
  expect([second, first, large, captioned, heavy].sort(better)).toEqual([
    captioned,
    large,
    heavy,
    first,
    second,
  ]);
});

it('swaps the whole group, each with its reason', () => {
  const kept = picture('kept');
  const near = picture('near', {
    aside: 'near-duplicate',
    width: 450,
    height: 300,
    look: `f1${'f0'.repeat(7)}`,
  });
  const same = picture('same', { aside: 'duplicate', digest: 'kept' });
  const twin = picture('twin', { aside: 'near-duplicate', digest: 'near', look: near.look });
  const other = picture('other', { look: '0f'.repeat(8) });
  expect(Object.fromEntries(bestKept([kept, near, same, twin, other]))).toEqual({
    kept: { aside: 'near-duplicate' },
    near: { aside: undefined },
    same: { aside: 'near-duplicate' },
    twin: { aside: 'duplicate' },
  });
  expect(bestKept([kept, near], () => false).size).toBe(0);
});

it('leaves alone what is best already, what was set aside by hand, and copies of nothing', () => {
  const large = { width: 600, height: 400 };
  expect(bestKept([picture('a', large), picture('b', { aside: 'near-duplicate' })]).size).toBe(0);
  expect(bestKept([picture('a'), picture('b', { ...large, aside: 'by-hand' })]).size).toBe(0);
  expect(bestKept([picture('b', { ...large, aside: 'near-duplicate' })]).size).toBe(0);
});
