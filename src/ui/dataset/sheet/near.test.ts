import { expect, it } from 'vitest';
import type { Picture } from '../../../storage/pictures';
import { differingBits, keptFor } from './near';

function picture(id: string, look: string, aside?: Picture['aside']): Picture {
  return {
    id,
    project: 'p',
    order: 0,
    name: id,
    width: 100,
    height: 100,
    byteLength: 1,
    type: 'image/png',
    digest: id,
    look,
    caption: '',
    repeats: 1,
    focus: [0.5, 0.5],
    ...(aside && { aside }),
  };
}

it('counts bits', () => {
  expect(differingBits('00ff', '00ff')).toBe(0);
  expect(differingBits('0000', 'f001')).toBe(5);
  expect(differingBits('00', '0000')).toBe(65);
});

it('pairs each near-duplicate with the nearest in use', () => {
  const [a, b] = [picture('a', '0000000000000000'), picture('b', '00000000000000ff')];
  const near = picture('n', '00000000000000fe', 'near-duplicate');
  const gone = picture('g', 'ffffffffffffffff', 'near-duplicate');
  expect(keptFor(near, [a, b, near, gone])).toBe(b);
  expect(keptFor(gone, [a, b, near, gone])).toBeUndefined();
});
