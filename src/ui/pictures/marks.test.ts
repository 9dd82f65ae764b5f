import { expect, it } from 'vitest';
import { BUCKET_DEFAULTS } from '../../formats/dataset/buckets';
import type { Picture } from '../../storage/pictures';
import type { Warning } from './captions/warnings';
import { cropper } from './crop/crop';
import { marksOf } from './marks';

function picture(id: string, width: number, height: number): Picture {
  const fixed = {
    project: 'p',
    order: 0,
    byteLength: 1,
    type: 'image/png',
    look: '',
    caption: '',
    repeats: 1,
  };
  return { ...fixed, id, name: id, digest: id, width, height, focus: [0.5, 0.5] };
}

it('marks what is cut, enlarged or unusable, and what a warning names', () => {
  const conflict: Warning = { kind: 'conflict', words: ['day', 'night'], ids: ['good'] };
  const constant: Warning = { kind: 'constant', tag: 'mist', of: 9, ids: ['good', 'fine'] };
  const pictures = [
    picture('good', 1024, 1024),
    picture('fine', 512, 512),
    picture('small', 256, 256),
    picture('tall', 1200, 1800),
  ];
  const marks = marksOf(pictures, cropper(BUCKET_DEFAULTS), [conflict, constant]);
  expect(marks.get('good')).toEqual([conflict]);
  expect(marks.has('fine')).toBe(false);
  expect(marks.get('small')).toEqual([{ kind: 'small', scale: 2 }]);
  expect(marks.get('tall')).toEqual([{ kind: 'cut', part: 1 - 384 / 427 }]);
  const shrinking = cropper({ ...BUCKET_DEFAULTS, noUpscale: true });
  expect(marksOf([picture('thread', 300, 40)], shrinking, []).get('thread')).toEqual([{ kind: 'unusable' }]);
});
