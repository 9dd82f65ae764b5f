/** The kernels of this project at one shape: what a training step would dispatch for it. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { attention } from '../../src/kernels/attention/attention';
import { conv2d } from '../../src/kernels/conv2d/conv2d';
import { linear } from '../../src/kernels/linear/linear';
import { loraLinear } from '../../src/kernels/lora/lora';
import { groupNorm } from '../../src/kernels/norm/group_norm';
import type { Scratch } from './fill';
import type { Direction, Shape } from './shapes';

/** Runs the operation once; `mark` is told where the backward pass begins. */
export type Work = (mark: (segment: string) => void) => void;

/** For `inputGradient` the forward pass is run too; only what follows `mark('backward')` is that gradient. */
export function ourWork(shape: Shape, direction: Direction, make: Scratch): Work {
  const { y, xs, dy } = operation(shape, make);
  if (direction === 'forward') {
    return (mark) => {
      mark('forward');
      y();
    };
  }
  return (mark) => {
    tf.engine().gradients(
      () => {
        mark('forward');
        const out = y();
        mark('backward');
        return out;
      },
      [...xs],
      dy,
    );
  };
}

interface Operation {
  y: () => Tensor;
  xs: readonly Tensor[];
  dy: Tensor;
}

function operation(shape: Shape, make: Scratch): Operation {
  switch (shape.kind) {
    case 'linear': {
      const { rows, in: inn, out } = shape;
      const x = make.floats(rows, inn);
      const weight = { data: make.halves(out, inn), out, in: inn };
      const bias = make.floats(out);
      return { y: () => linear(x, weight, bias), xs: [x], dy: make.floats(rows, out) };
    }
    case 'lora': {
      const { rows, in: inn, out, rank } = shape;
      const x = make.floats(rows, inn);
      const weight = { data: make.halves(out, inn), out, in: inn };
      const gradient = { flat: make.floats(rank * (inn + out)), down: 0, up: rank * inn };
      const lora = {
        down: make.weights(inn, rank, inn),
        up: make.weights(rank, out, rank),
        scale: 1,
        gradient,
      };
      return {
        y: () => loraLinear(x, weight, undefined, lora),
        xs: [x, lora.down, lora.up],
        dy: make.floats(rows, out),
      };
    }
    case 'conv': {
      const { side, in: inn, out } = shape;
      const x = make.floats(1, side, side, inn);
      const weight = { data: make.halves(out, inn, 9), out, in: inn, kernel: 3 } as const;
      const bias = make.floats(out);
      return { y: () => conv2d(x, weight, bias), xs: [x], dy: make.floats(1, side, side, out) };
    }
    case 'attention': {
      const { queries, keys, channels, heads } = shape;
      const q = make.floats(1, queries, channels);
      const k = make.floats(1, keys, channels);
      const v = make.floats(1, keys, channels);
      return {
        y: () => attention(q, k, v, { heads }),
        xs: [q, k, v],
        dy: make.floats(1, queries, channels),
      };
    }
    case 'groupNorm': {
      const { side, channels, groups } = shape;
      const x = make.floats(1, side, side, channels);
      const [gamma, beta] = [make.floats(channels), make.floats(channels)];
      return {
        y: () => groupNorm(x, gamma, beta, { groups, eps: 1e-5, silu: true }),
        xs: [x],
        dy: make.floats(1, side, side, channels),
      };
    }
  }
}
