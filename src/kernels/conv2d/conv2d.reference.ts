/** 3x3 convolution of NHWC by OIHW weights, and its input gradient, as plain float64 loops. */
export interface ConvShape {
  batch: number;
  H: number;
  W: number;
  in: number;
  out: number;
  stride: number;
  pad: readonly [number, number, number, number];
}

export function outputSize({ H, W, stride, pad }: ConvShape): [number, number] {
  return [
    Math.floor((H + pad[0] + pad[1] - 3) / stride) + 1,
    Math.floor((W + pad[2] + pad[3] - 3) / stride) + 1,
  ];
}

export function convReference(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  shape: ConvShape,
): Float64Array {
  const [oh, ow] = outputSize(shape);
  const y = new Float64Array(shape.batch * oh * ow * shape.out);
  eachTerm(shape, (xi, wi, yi) => {
    y[yi] += x[xi] * w[wi];
  });
  return bias ? y.map((v, i) => v + bias[i % shape.out]) : y;
}

export function convGradientReference(
  dy: ArrayLike<number>,
  w: ArrayLike<number>,
  shape: ConvShape,
): Float64Array {
  const dx = new Float64Array(shape.batch * shape.H * shape.W * shape.in);
  eachTerm(shape, (xi, wi, yi) => {
    dx[xi] += dy[yi] * w[wi];
  });
  return dx;
}

/** Nearest-neighbour doubling of NHWC, and the sum that is its gradient. */
export function doubled(x: ArrayLike<number>, batch: number, H: number, W: number, C: number): Float64Array {
  const big = new Float64Array(batch * 4 * H * W * C);
  eachCopy(batch, H, W, C, (small, large) => {
    big[large] = x[small];
  });
  return big;
}

export function doubledGradient(
  dy: ArrayLike<number>,
  batch: number,
  H: number,
  W: number,
  C: number,
): Float64Array {
  const dx = new Float64Array(batch * H * W * C);
  eachCopy(batch, H, W, C, (small, large) => {
    dx[small] += dy[large];
  });
  return dx;
}

function eachTerm(shape: ConvShape, visit: (xi: number, wi: number, yi: number) => void): void {
  const { batch, H, W, in: I, out: O, stride, pad } = shape;
  const [oh, ow] = outputSize(shape);
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++)
        for (let ky = 0; ky < 3; ky++)
          for (let kx = 0; kx < 3; kx++) {
            const sy = i * stride + ky - pad[0];
            const sx = j * stride + kx - pad[2];
            if (sy < 0 || sy >= H || sx < 0 || sx >= W) continue;
            for (let o = 0; o < O; o++)
              for (let c = 0; c < I; c++)
                visit(
                  ((b * H + sy) * W + sx) * I + c,
                  ((o * I + c) * 3 + ky) * 3 + kx,
                  ((b * oh + i) * ow + j) * O + o,
                );
          }
}

function eachCopy(
  batch: number,
  H: number,
  W: number,
  C: number,
  visit: (small: number, large: number) => void,
): void {
  for (let row = 0; row < batch * 2 * H; row++)
    for (let j = 0; j < 2 * W; j++)
      for (let c = 0; c < C; c++) visit(((row >> 1) * W + (j >> 1)) * C + c, (row * 2 * W + j) * C + c);
}
