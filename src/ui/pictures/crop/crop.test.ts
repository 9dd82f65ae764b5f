import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BUCKET_DEFAULTS, CENTRE, type Focus, type Placement } from '../../../formats/dataset/buckets';
import { cropBox, cropper, cutAway, movedFocus, nudgedFocus } from './crop';

const crop = cropper(BUCKET_DEFAULTS);

function placed(width: number, height: number, focus: Focus = CENTRE): Placement {
  const placement = crop({ width, height, focus });
  if (!placement) throw new Error(`${width} x ${height} has no place.`);
  return placement;
}

it('draws the crop of a tall picture over it', () => {
  // 1200 x 1800 covers 384 x 640 at 427 x 640.
  expect(cropBox(placed(1200, 1800))).toEqual({ left: 21 / 427, top: 0, width: 384 / 427, height: 1 });
  expect(cutAway(placed(1200, 1800))).toMatchObject({ side: 'width', ofSide: 1 - 384 / 427 });
  expect(cutAway(placed(512, 512)).part).toBe(0);
});

it('is undefined where nothing can be cut', () => {
  const shrinking = cropper({ ...BUCKET_DEFAULTS, noUpscale: true });
  expect(shrinking({ width: 300, height: 40, focus: CENTRE })).toBeUndefined();
  const broken = cropper({ ...BUCKET_DEFAULTS, minSize: 300 });
  expect(broken({ width: 512, height: 512, focus: CENTRE })).toBeUndefined();
});

it('follows a drag and stops at the edges', () => {
  const placement = placed(1920, 1080);
  expect(movedFocus(placement, CENTRE, 21.5 / 683, 0)).toEqual([1, 0.5]);
  expect(movedFocus(placement, CENTRE, -1, 5)).toEqual([0, 0.5]);
});

it('moves by whole pixels on arrow keys, everywhere and back', () => {
  const side = fc.integer({ min: 64, max: 4000 });
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(side, side, part, part, fc.constantFrom(-1, 1), (width, height, fx, fy, by) => {
      const before = placed(width, height, [fx, fy]);
      const after = placed(width, height, nudgedFocus(before, by, by));
      for (const [axis, key] of [
        [0, 'x'],
        [1, 'y'],
      ] as const) {
        const rest = before.resized[axis] - before.bucket[axis];
        expect(after.crop[key]).toBe(Math.min(rest, Math.max(0, before.crop[key] + by)));
      }
    }),
  );
});
