/**
 * y = x W^T + b + s drop(x A^T) B^T + add: a frozen linear layer with its low-rank branch (LoRA, Hu et al. 2021), in two
 * kernels: h = drop(x A^T), kept for the backward pass, then the product with the branch in its epilogue. Layers of one x
 * (queries, keys and values) are one operation, for their thin products go together (`gemm/thin.ts`).
 * x [..., in], A = down [r, in], B = up [out, r], all f32; r from 1 to 128. drop is inverted dropout of h, as kohya's
 * network_dropout. Gradients: dh = s drop(dy B), dx = dy W + dh A, summed over the layers in their order, dA = dh^T x,
 * dB = s dy^T h; the branch is multiplied in f32 on every tier. Relative error as `linear`: 1e-5 and 2e-3; h, dA and dB
 * 1e-5 on every tier. dA and dB are added where the LoRA says; of them the tape sees but tensors without contents.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { wordsAlong, type FrozenWeight, type Storage } from '../frozen/frozen';
import { gemm } from '../gemm/gemm';
import {
  MOST_MODULES,
  thinDown,
  thinGradients,
  thinUp,
  type GradientPlace,
  type ThinCall,
} from '../gemm/thin';
import { defineKernel, passedOn, type Ending } from '../kernel';
import { expectLast, rowsOf, withLast } from '../linear/linear';
import { requireSameShape, ShapeError } from '../pointwise/elementwise';
import { allocate } from '../program';

export type { GradientPlace } from '../gemm/thin';

export interface Lora {
  /** [r, in], f32. */
  down: Tensor;
  /** [out, r], f32. */
  up: Tensor;
  /** multiplier * alpha / r. */
  scale: number;
  /** Chance of dropping an element of h, in [0, 1); a seed (int32 [1]) new at each step; a number for the layer. */
  dropout?: { rate: number; seed: Tensor; stream: number };
  /** What the gradients of `down` and `up` are added to; none where they are not wanted. */
  gradient?: GradientPlace;
}

/** A frozen layer with its LoRA. */
export interface LoraLayer {
  weight: FrozenWeight;
  bias?: Tensor | undefined;
  lora: Lora;
}

/**
 * x [..., in] to [..., out] through weight and LoRA, ending as it is told; with gradients for x, `down`, `up` and what is
 * added. The caller's tidy owns the result. Throws `ShapeError` where dimensions disagree.
 */
export function loraLinear(
  x: Tensor,
  weight: FrozenWeight,
  bias: Tensor | undefined,
  lora: Lora,
  ending: Ending = {},
): Tensor {
  return runLayers(x, [{ weight, bias, lora }], ending)[0];
}

/**
 * `loraLinear` of up to three layers with the same x, dimensions, dropout rate and seed; ranks may differ. Throws
 * `ShapeError` where they do not fit together.
 */
export function loraLinears(x: Tensor, layers: readonly LoraLayer[]): Tensor[] {
  const [first] = layers;
  const what = `loraLinears of ${layers.length} layers`;
  if (layers.length < 1 || layers.length > MOST_MODULES)
    throw new ShapeError(`${what}: there must be 1 to ${MOST_MODULES}.`);
  for (const { weight, lora } of layers) {
    if (weight.in !== first.weight.in || weight.out !== first.weight.out)
      throw new ShapeError(
        `${what}: [${weight.out}, ${weight.in}] beside [${first.weight.out}, ${first.weight.in}].`,
      );
    const [own, other] = [lora.dropout, first.lora.dropout];
    if ((own?.rate ?? 0) !== (other?.rate ?? 0) || own?.seed !== other?.seed)
      throw new ShapeError(`${what}: their dropout has different rates or seeds.`);
  }
  return runLayers(x, layers);
}

function runLayers(x: Tensor, layers: readonly LoraLayer[], { add, unread = false }: Ending = {}): Tensor[] {
  const inputs: Record<string, Tensor> = { x };
  for (const [j, { weight: w, bias, lora }] of layers.entries()) {
    const { down, up } = lora;
    const rank = down.shape[0];
    const what = `loraLinear [${w.out}, ${w.in}] of rank ${rank}`;
    expectLast(x, w.in, what);
    if (down.shape[1] !== w.in || up.shape[0] !== w.out || up.shape[1] !== rank) {
      throw new ShapeError(
        `${what}: down is [${down.shape}] and up is [${up.shape}], expected [r, in] and [out, r].`,
      );
    }
    if (add) requireSameShape(`${what}: its output and what is added`, withLast(x.shape, w.out), add.shape);
    Object.assign(inputs, { [`w${j}`]: w.data, [`down${j}`]: down, [`up${j}`]: up });
    if (bias) inputs[`bias${j}`] = bias;
  }
  if (add) inputs['add'] = add;
  const [{ weight, lora }] = layers;
  const rate = lora.dropout?.rate ?? 0;
  if (lora.dropout && rate > 0) inputs['seed'] = lora.dropout.seed;
  const attrs: Attrs = {
    ...{ in: weight.in, out: weight.out, rate, unread },
    layers: layers.map(({ weight: { storage = 'half' }, lora: { down, scale, dropout, gradient } }) => ({
      ...{ storage, rank: down.shape[0], scale, stream: dropout?.stream ?? 0 },
      ...(gradient ? { gradient } : {}),
    })),
  };
  const run = (rate > 0 ? dropped : plain)[layers.length - 1];
  return tf.tidy(() => run(inputs, attrs).slice(0, layers.length));
}

interface Attrs {
  in: number;
  out: number;
  rate: number;
  /** Nothing reads the outputs. */
  unread: boolean;
  layers: readonly LayerAttrs[];
}

interface LayerAttrs {
  storage: Storage;
  rank: number;
  scale: number;
  stream: number;
  gradient?: GradientPlace;
}

type Inputs = Record<string, TensorInfo>;

const counts = Array.from({ length: MOST_MODULES }, (_, i) => i + 1);
const plain = counts.map((count) => define(`LoraLinear${count}`, count, []));
const dropped = counts.map((count) => define(`LoraLinearDropout${count}`, count, ['seed']));

/** Outputs y of each layer, and h of all; h is for the backward pass only. */
function define(name: string, count: number, seed: readonly string[]) {
  const each = (input: string) => Array.from({ length: count }, (_, j) => `${input}${j}`);
  const saved = ['x', ...each('w'), ...each('down'), ...each('up'), ...seed];
  return defineKernel<Attrs>({
    name,
    forward: (inputs, attrs) => {
      const h = thinDown(callOf(inputs, inputs['x'], attrs), inputs['x']);
      return [...attrs.layers.map((_, j) => product(inputs, h, j, attrs)), h];
    },
    gradient: {
      saveInputs: saved,
      saveOutputs: [...each('y').map(() => false), true],
      backward: (outputs, tensors, attrs, passing) => {
        const kept: Record<string, Tensor> = Object.fromEntries(saved.map((key, i) => [key, tensors[i]]));
        const h = tensors[saved.length];
        const dys = outputs.slice(0, count);
        const given = { ...kept, ...Object.fromEntries(dys.map((dy, j) => [`dy${j}`, dy])) };
        const dh = passing(branchGradient(given, attrs)[0]);
        const call = callOf(kept, kept['x'], attrs);
        let added = false;
        /** Adds the gradients of all, once, whichever the tape asks for first; and what stands for them there. */
        const gradient = (of: Tensor) => () => {
          if (!added) thinGradients(call, { x: kept['x'], dh, dys, h }, placesOf(attrs));
          added = true;
          return tf.engine().makeTensorFromTensorInfo(allocate(of.shape));
        };
        return {
          x: () => inputGradient({ ...given, dh }, attrs)[0],
          add: () => passedOn(dys[0]),
          ...Object.fromEntries(
            [...each('down'), ...each('up')].map((key) => [key, gradient(kept[key])] as const),
          ),
        };
      },
    },
  });
}

function placesOf({ layers }: Attrs): GradientPlace[] {
  return layers.map(({ gradient }) => {
    if (!gradient) throw new Error('The gradient of a LoRA is wanted, but it has no place.');
    return gradient;
  });
}

/** Of the inputs, what the thin products take. */
function callOf(inputs: Inputs, x: TensorInfo, attrs: Attrs): ThinCall {
  return {
    modules: attrs.layers.map(({ rank, scale, stream }, j) => ({
      ...{ down: inputs[`down${j}`], up: inputs[`up${j}`], rank, scale, stream },
    })),
    ...{ rows: rowsOf(x.shape), in: attrs.in, out: attrs.out },
    dropout: attrs.rate > 0 ? { rate: attrs.rate, seed: inputs['seed'] } : undefined,
  };
}

/** Where a layer's columns of h begin. */
const columnOf = ({ layers }: Attrs, j: number) =>
  layers.slice(0, j).reduce((sum, { rank }) => sum + rank, 0);

function product(inputs: Inputs, h: TensorInfo, j: number, attrs: Attrs): TensorInfo {
  const { x, add } = inputs;
  const { storage, rank, scale } = attrs.layers[j];
  if (attrs.unread) return allocate(withLast(x.shape, attrs.out));
  return gemm({
    M: rowsOf(x.shape),
    N: attrs.out,
    K: attrs.in,
    a: x,
    aKind: 'rows',
    b: inputs[`w${j}`],
    bKind: `${storage}NT`,
    rowWords: wordsAlong(storage, attrs.in),
    bias: inputs[`bias${j}`],
    add,
    lowRank: { kind: 'NT', h, column: columnOf(attrs, j), factor: inputs[`up${j}`], rank, scale },
    half: true,
    activation: true,
    shape: withLast(x.shape, attrs.out),
  });
}

/** dh = s drop(dy B) of every layer, with the masks of the forward pass. */
const branchGradient = defineKernel<Attrs>({
  name: 'LoraBranchGradient',
  forward: (inputs, attrs) =>
    thinUp(
      callOf(inputs, inputs['x'], attrs),
      attrs.layers.map((_, j) => inputs[`dy${j}`]),
    ),
});

/** dx = dy W + dh A, of one layer added to that of those before. */
const inputGradient = defineKernel<Attrs>({
  name: 'LoraInputGradient',
  forward: (inputs, attrs) => {
    let sum: TensorInfo | undefined;
    for (const [j, { storage, rank }] of attrs.layers.entries()) {
      const dy = inputs[`dy${j}`];
      const before = sum;
      sum = gemm({
        M: rowsOf(dy.shape),
        N: attrs.in,
        K: attrs.out,
        a: dy,
        aKind: 'rows',
        b: inputs[`w${j}`],
        bKind: `${storage}NN`,
        rowWords: wordsAlong(storage, attrs.in),
        lowRank: {
          ...{ kind: 'NN', h: inputs['dh'], column: columnOf(attrs, j) },
          ...{ factor: inputs[`down${j}`], rank, scale: 1 },
        },
        add: before,
        half: true,
        shape: withLast(dy.shape, attrs.in),
      });
      if (before) tf.backend().disposeData(before.dataId);
    }
    if (!sum) throw new ShapeError('LoraInputGradient: there is no layer.');
    return sum;
  },
});
