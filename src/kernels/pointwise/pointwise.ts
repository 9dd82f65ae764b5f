/**
 * Operations without neighbours: sums, activations, gates. All f32.
 *
 *   add, addEmbedding   y = a + b, b of the same shape, or one row for each position
 *   scale               y = s x, s a constant of the model
 *   silu                y = x s(x),      s(x) = 1 / (1 + e^-x)
 *   quickGelu           y = x s(1.702 x)                       (CLIP)
 *   gelu                y = x (1 + erf(x / sqrt 2)) / 2        (Hendrycks & Gimpel 2016, exact)
 *   geglu               [a | b] -> a gelu(b)                   (Shazeer 2020; diffusers' order of halves)
 *
 * Gradients are exact derivatives, for the first argument and for both of `add`. Errors are a few f32 roundings.
 * No value is clamped: infinities and NaN come through, as the loss scaler looks for them.
 * Importing this file also replaces tfjs's own `Add` on the webgpu backend where shapes are equal and f32: its tape
 * sums gradients with it, and a stock dispatch could not be replayed.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { defineKernel, passedOn } from '../kernel';
import { elementwise, requireSameShape, ShapeError, type Elementwise } from './elementwise';
import { NORMAL_WGSL } from './gelu.wgsl';

/** a + b, shapes equal. */
export function add(a: Tensor, b: Tensor): Tensor {
  requireSameShape('add', a.shape, b.shape);
  return one(addKernel({ a, b }, {}));
}

/** tokens [B, N, C] + position [N, C], the same for each batch. Gradient for tokens only. */
export function addEmbedding(tokens: Tensor, position: Tensor): Tensor {
  requireSameShape('addEmbedding (one batch of tokens, position)', tokens.shape.slice(1), position.shape);
  return one(addEmbeddingKernel({ tokens, position }, {}));
}

/** s x. The factor is baked into the dispatch: for constants of the model, not for what changes between steps. */
export function scale(x: Tensor, s: number): Tensor {
  return one(scaleKernel({ x }, { s }));
}

export function silu(x: Tensor): Tensor {
  return one(siluKernel({ x }, {}));
}

export function quickGelu(x: Tensor): Tensor {
  return one(quickGeluKernel({ x }, {}));
}

export function gelu(x: Tensor): Tensor {
  return one(geluKernel({ x }, {}));
}

/** x [..., 2C] -> [..., C]: the first half times the GELU of the second. */
export function geglu(x: Tensor): Tensor {
  const width = x.shape[x.rank - 1];
  if (width % 2)
    throw new ShapeError(`geglu: the last extent of [${x.shape}] must be even: two halves, value and gate.`);
  return one(gegluKernel({ x }, {}));
}

/** WGSL of the logistic function. The bound keeps exp finite; x times a sigmoid of 1e-35 is as good as nothing. */
export const SIGMOID_WGSL = 'fn sigmoid(x: T) -> T { return T(1.0) / (T(1.0) + exp(-max(x, T(-80.0)))); }';

// ---------------------------------------------------------------------------------------------------------------

const SUM: Elementwise = { name: 'add', inputs: ['a', 'b'], value: 'a[i] + b[i]' };

const addKernel = defineKernel<object>({
  name: 'lora:add',
  forward: ({ a, b }) => elementwise(SUM, [a, b], a.shape),
  gradient: { backward: ([dy]) => ({ a: () => passedOn(dy), b: () => passedOn(dy) }) },
});

const addEmbeddingKernel = defineKernel<object>({
  name: 'lora:addEmbedding',
  forward: ({ tokens, position }) => {
    const period = sizeOf(position);
    return elementwise(
      {
        name: 'addEmbedding',
        inputs: ['tokens', 'position'],
        value: 'tokens[i] + position[i % p.period]',
        params: { period: 'u32' },
      },
      [tokens, position],
      tokens.shape,
      (width) => ({ period: period / width }),
      period,
    );
  },
  gradient: { backward: ([dy]) => ({ tokens: () => passedOn(dy) }) },
});

const SCALE: Elementwise = { name: 'scale', inputs: ['x'], value: 'p.s * x[i]', params: { s: 'f32' } };

const scaleKernel = defineKernel<{ s: number }>({
  name: 'lora:scale',
  forward: ({ x }, { s }) => elementwise(SCALE, [x], x.shape, () => ({ s })),
  gradient: {
    backward: ([dy], _, { s }) => ({ x: () => owned(elementwise(SCALE, [dy], dy.shape, () => ({ s }))) }),
  },
});

const siluKernel = activation('silu', SIGMOID_WGSL, 'x[i] * sigmoid(x[i])', [
  'let s = sigmoid(x[i]);',
  'return dy[i] * s * (T(1.0) + x[i] * (T(1.0) - s));',
]);

const quickGeluKernel = activation('quickGelu', SIGMOID_WGSL, 'x[i] * sigmoid(1.702 * x[i])', [
  'let s = sigmoid(1.702 * x[i]);',
  'return dy[i] * s * (T(1.0) + 1.702 * x[i] * (T(1.0) - s));',
]);

const geluKernel = activation('gelu', NORMAL_WGSL, 'gelu(x[i])', ['return dy[i] * geluSlope(x[i]);']);

const gegluKernel = defineKernel<object>({
  name: 'lora:geglu',
  forward: ({ x }) => {
    const half = halfOf(x);
    return elementwise(
      {
        name: 'geglu',
        inputs: ['x'],
        // i counts [rows, half]; the row's value starts at 2 row half, its gate half further on.
        value: 'let at = i + i / p.half * p.half; return read_x(at) * gelu(read_x(at + p.half));',
        activation: true,
        functions: NORMAL_WGSL,
        params: { half: 'u32' },
      },
      [x],
      [...x.shape.slice(0, -1), half],
      (width) => ({ half: half / width }),
      half,
    );
  },
  gradient: {
    saveInputs: ['x'],
    backward: ([dy], [x]) => ({
      x: () => {
        const half = halfOf(x);
        return owned(
          elementwise(
            {
              name: 'gegluGradient',
              inputs: ['dy', 'x'],
              value: `
                let row = i / (2u * p.half);
                let column = i % (2u * p.half);
                if (column < p.half) { return dy[row * p.half + column] * gelu(read_x(i + p.half)); }
                return dy[row * p.half + column - p.half] * read_x(i - p.half) * geluSlope(read_x(i));`,
              functions: NORMAL_WGSL,
              params: { half: 'u32' },
            },
            [dy, x],
            x.shape,
            (width) => ({ half: half / width }),
            half,
          ),
        );
      },
    }),
  },
});

/** A function of one number and its derivative, saving x. */
function activation(name: string, functions: string, value: string, gradient: string[]) {
  const forwardOp: Elementwise = { name, inputs: ['x'], value, functions };
  const backwardOp: Elementwise = {
    name: `${name}Gradient`,
    inputs: ['dy', 'x'],
    value: gradient.join(' '),
    functions,
  };
  return defineKernel<object>({
    name: `lora:${name}`,
    forward: ({ x }) => elementwise(forwardOp, [x], x.shape),
    gradient: {
      saveInputs: ['x'],
      backward: ([dy], [x]) => ({ x: () => owned(elementwise(backwardOp, [dy, x], x.shape)) }),
    },
  });
}

function owned(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

function one(outputs: Tensor[]): Tensor {
  return outputs[0];
}

function halfOf(x: TensorInfo): number {
  return x.shape[x.shape.length - 1] / 2;
}

function sizeOf(x: TensorInfo): number {
  return x.shape.reduce((product, n) => product * n, 1);
}

/** Takes over `Add` for equal shapes; everything else goes on to tfjs's own kernel, kept here. */
function replaceStockAdd(): void {
  const stock = tf.getKernel('Add', 'webgpu');
  if (!stock)
    throw new Error('tfjs has no Add kernel for webgpu: import @tensorflow/tfjs-backend-webgpu first.');
  tf.unregisterKernel('Add', 'webgpu');
  tf.registerKernel({
    ...stock,
    kernelFunc: (call) => {
      const { a, b } = call.inputs as Record<string, TensorInfo>;
      const equal = a.shape.length === b.shape.length && a.shape.every((n, i) => n === b.shape[i]);
      const ours = equal && a.dtype === 'float32' && b.dtype === 'float32' && sizeOf(a) > 0;
      return ours ? elementwise(SUM, [a, b], a.shape) : stock.kernelFunc(call);
    },
  });
}

replaceStockAdd();
