/**
 * The crop a picture gets in training, as a rectangle over the picture, and what moving it means. The rule itself is
 * formats/buckets; this only translates between its pixels, parts of the picture, and the focus that is kept.
 */
import {
  bucketResolutions,
  placeInBucket,
  type BucketConfig,
  type Focus,
  type Placement,
  type Size,
} from '../../../formats/dataset/buckets';

/** Parts of the picture's width and height, 0 to 1. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Placeable {
  readonly width: number;
  readonly height: number;
  readonly focus: Focus;
}

/** Places many pictures by the same bucket settings. Undefined for a picture, or settings, that cannot be cut. */
export function cropper(buckets: BucketConfig): (picture: Placeable) => Placement | undefined {
  let resolutions: Size[] = [];
  try {
    if (!buckets.noUpscale) resolutions = bucketResolutions(buckets);
  } catch {
    // The settings screen says what is wrong with them.
    return () => undefined;
  }
  return ({ width, height, focus }) => {
    try {
      return placeInBucket([width, height], buckets, resolutions, focus);
    } catch {
      return undefined;
    }
  };
}

export function cropBox({ bucket, resized, crop }: Placement): Box {
  return {
    left: crop.x / resized[0],
    top: crop.y / resized[1],
    width: bucket[0] / resized[0],
    height: bucket[1] / resized[1],
  };
}

/** What is cut away: the part of the picture's area, and the side that loses more. */
export function cutAway({ bucket, resized }: Placement): {
  part: number;
  side: 'width' | 'height';
  ofSide: number;
} {
  const [across, down] = [1 - bucket[0] / resized[0], 1 - bucket[1] / resized[1]];
  const side = across >= down ? 'width' : 'height';
  return { part: 1 - (1 - across) * (1 - down), side, ofSide: Math.max(across, down) };
}

/** The focus after the crop is moved by parts of the picture's width and height; it stays inside. */
export function movedFocus({ bucket, resized }: Placement, focus: Focus, dx: number, dy: number): Focus {
  const along = (axis: 0 | 1, moved: number): number => {
    const rest = resized[axis] - bucket[axis];
    return rest <= 0 ? focus[axis] : clamp(focus[axis] + (moved * resized[axis]) / rest);
  };
  return [along(0, dx), along(1, dy)];
}

/** As `movedFocus`, by whole pixels of what is trained on: what an arrow key does. */
export function nudgedFocus(placement: Placement, x: number, y: number): Focus {
  const { bucket, resized, crop } = placement;
  const to = (axis: 0 | 1, offset: number): number => {
    const rest = resized[axis] - bucket[axis];
    return rest <= 0 ? 0.5 : clamp(offset / rest);
  };
  return [to(0, crop.x + x), to(1, crop.y + y)];
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
