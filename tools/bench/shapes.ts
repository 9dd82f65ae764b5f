/**
 * SD 1.5's heaviest operations, from its U-Net at 512x512 px: by FLOP they are over nine tenths of a step. Other sizes
 * have the same channels on other pixels; `channelDivisor` makes them small enough for a test.
 */

export type Shape =
  | { kind: 'linear'; name: string; rows: number; in: number; out: number }
  | { kind: 'lora'; name: string; rows: number; in: number; out: number; rank: number }
  | { kind: 'conv'; name: string; side: number; in: number; out: number }
  | { kind: 'attention'; name: string; queries: number; keys: number; channels: number; heads: number }
  | { kind: 'groupNorm'; name: string; side: number; channels: number; groups: number };

export function heavyShapes(size: number, divisor: number, rank: number): Shape[] {
  const side = (level: number) => Math.max(1, Math.floor(size / 8 / 2 ** level));
  const rows = (level: number) => side(level) ** 2;
  const c = (channels: number) => channels / divisor;
  const linear = (name: string, level: number, inn: number, out: number): Shape => ({
    kind: 'linear', name, rows: rows(level), in: c(inn), out: c(out),
  }); // prettier-ignore
  const conv = (name: string, level: number, inn: number, out: number): Shape => ({
    kind: 'conv', name, side: side(level), in: c(inn), out: c(out),
  }); // prettier-ignore
  const attention = (name: string, level: number, channels: number, keys: number): Shape => ({
    kind: 'attention', name, queries: rows(level), keys, channels: c(channels), heads: 8,
  }); // prettier-ignore
  return [
    conv('conv 320 to 320, level 0', 0, 320, 320),
    conv('conv 640 to 320, level 0', 0, 640, 320),
    conv('conv 960 to 320, level 0', 0, 960, 320),
    conv('conv 640 to 640, level 1', 1, 640, 640),
    conv('conv 1280 to 1280, level 2', 2, 1280, 1280),
    conv('conv 2560 to 1280, level 2', 2, 2560, 1280),
    conv('conv 2560 to 1280, level 3', 3, 2560, 1280),
    linear('GEGLU 320 to 2560, level 0', 0, 320, 2560),
    linear('GEGLU 640 to 5120, level 1', 1, 640, 5120),
    linear('GEGLU 1280 to 10240, level 2', 2, 1280, 10240),
    linear('feed-forward 1280 to 320, level 0', 0, 1280, 320),
    linear('projection 320 to 320, level 0', 0, 320, 320),
    {
      kind: 'lora',
      name: 'projection 320 to 320 with LoRA, level 0',
      rows: rows(0),
      in: c(320),
      out: c(320),
      rank,
    },
    attention('self-attention, level 0', 0, 320, rows(0)),
    attention('self-attention, level 1', 1, 640, rows(1)),
    attention('cross-attention, level 0', 0, 320, 77),
    { kind: 'groupNorm', name: 'group norm and SiLU, level 0', side: side(0), channels: c(320), groups: 32 },
  ];
}

/** The first of each kind. */
export function oneOfEach(shapes: readonly Shape[]): Shape[] {
  return shapes.filter((shape, i) => shapes.findIndex(({ kind }) => kind === shape.kind) === i);
}

export type Direction = 'forward' | 'inputGradient' | 'forwardAndBackward';

export function directionsOf(shape: Shape): readonly Direction[] {
  return shape.kind === 'linear' || shape.kind === 'conv'
    ? ['forward', 'inputGradient']
    : ['forward', 'forwardAndBackward'];
}

/**
 * The operation's own arithmetic, whatever a kernel does: multiply-adds count two; attention has two products forward
 * and five backward (recomputing the scores counts once); a norm's element ten, and twenty more backward.
 */
export function flopsOf(shape: Shape, direction: Direction): number {
  const both = direction === 'forwardAndBackward';
  switch (shape.kind) {
    case 'linear':
      return 2 * shape.rows * shape.in * shape.out;
    case 'conv':
      return 2 * 9 * shape.side ** 2 * shape.in * shape.out;
    case 'lora': {
      const { rows, in: inn, out, rank } = shape;
      const branch = 2 * rows * rank * (inn + out);
      // Back: dx through the weight; for the branch dh, dx, dA and dB.
      return both ? 2 * (2 * rows * inn * out) + 3 * branch : 2 * rows * inn * out + branch;
    }
    case 'attention':
      return (both ? 14 : 4) * shape.queries * shape.keys * shape.channels;
    case 'groupNorm':
      return (both ? 30 : 10) * shape.side ** 2 * shape.channels;
  }
}

/** Least traffic: every operand once, weights in halves, the norm's input twice (moments first). */
export function bytesOf(shape: Shape, direction: Direction): number {
  const both = direction === 'forwardAndBackward';
  switch (shape.kind) {
    case 'linear':
      return 4 * shape.rows * (shape.in + shape.out) + 2 * shape.in * shape.out;
    case 'conv':
      return 4 * shape.side ** 2 * (shape.in + shape.out) + 2 * 9 * shape.in * shape.out;
    case 'lora': {
      const { rows, in: inn, out } = shape;
      const once = 4 * rows * (inn + out) + 2 * inn * out;
      return both ? 3 * once : once;
    }
    case 'attention': {
      const once = 4 * shape.channels * 2 * (shape.queries + shape.keys);
      return both ? 3 * once : once;
    }
    case 'groupNorm':
      return 4 * shape.side ** 2 * shape.channels * (both ? 8 : 3);
  }
}

export function describeShape(shape: Shape): string {
  switch (shape.kind) {
    case 'linear':
      return `[${shape.rows}, ${shape.in}] x [${shape.in}, ${shape.out}]`;
    case 'lora':
      return `[${shape.rows}, ${shape.in}] x [${shape.in}, ${shape.out}], rank ${shape.rank}`;
    case 'conv':
      return `${shape.side}x${shape.side}, ${shape.in} to ${shape.out}, 3x3`;
    case 'attention':
      return `${shape.queries} queries, ${shape.keys} keys, ${shape.heads} heads of ${shape.channels / shape.heads}`;
    case 'groupNorm':
      return `${shape.side}x${shape.side}, ${shape.channels} channels in ${shape.groups} groups`;
  }
}
