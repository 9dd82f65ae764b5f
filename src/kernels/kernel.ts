/**
 * Makes an operation of ours one that tfjs's engine and tape understand.
 */
import * as tf from '@tensorflow/tfjs';
import type { NamedTensorMap, Tensor, TensorInfo } from '@tensorflow/tfjs';

export interface KernelDefinition<Attrs> {
  name: string;
  /** Dispatches and returns freshly allocated outputs. */
  forward(inputs: Record<string, TensorInfo>, attrs: Attrs): TensorInfo | TensorInfo[];
  gradient?: {
    /** Names of inputs kept for the backward pass, in this order; then the outputs kept, by index. */
    saveInputs?: readonly string[];
    saveOutputs?: readonly boolean[];
    /**
     * Called once a backward pass; the thunks only for inputs whose gradient is wanted. Work shared by several
     * thunks belongs before them: a thunk's own temporaries die with it, those before it where they are `passing`.
     */
    backward(
      dy: Tensor[],
      saved: Tensor[],
      attrs: Attrs,
      passing: (temporary: Tensor) => Tensor,
    ): Record<string, () => Tensor>;
  };
}

/** A gradient passed on unchanged: the tape disposes those it is given, so it needs a tensor of its own, on the same buffer. */
export function passedOn(dy: Tensor): Tensor {
  return tf.reshape(dy, dy.shape);
}

let passed: Tensor[] | undefined;

/** The walk has come to the next node: what the one before needed is disposed. What this one needs is noted, if in a walk. */
function passedBy(needed: Tensor[]): Tensor[] | undefined {
  if (!passed) return undefined;
  for (const tensor of passed) tensor.dispose();
  return (passed = needed);
}

/**
 * Value and gradients as `tf.engine().gradients` gives them, in the memory of the forward pass: what an operation kept and
 * the gradients of its outputs are given back as soon as its own are made, where the engine has them all until the end.
 * `y` is called at once; of `xs`, none may be made in it.
 */
export function gradientsOf(
  y: () => Tensor,
  xs: Tensor[],
  dy: Tensor,
  allowNoGradients = false,
): { value: Tensor; grads: Tensor[] } {
  const before = passed;
  passed = [];
  try {
    return tf.engine().gradients(y, xs, passedOn(dy), allowNoGradients);
  } finally {
    passed = before;
  }
}

/** Of an operation's end, where it is the last one of a block. */
export interface Ending {
  /** Added to y, of its shape: a residual. Its gradient is dy. */
  add?: Tensor | undefined;
  /** Nothing reads y: it is not computed, its contents are undefined. What the gradients need is. */
  unread?: boolean | undefined;
}

/** An output that is the input itself, on the same buffer. */
export function sameAs({ dataId, shape, dtype }: TensorInfo): TensorInfo {
  tf.backend().incRef(dataId);
  return { dataId, shape, dtype };
}

/** Registers the kernel (and gradient) and returns a function that runs it. Optional inputs are simply left out. */
export function defineKernel<Attrs extends object>(definition: KernelDefinition<Attrs>) {
  const { name, forward, gradient } = definition;
  tf.registerKernel({
    kernelName: name,
    backendName: 'webgpu',
    kernelFunc: ({ inputs, attrs }) =>
      forward(inputs as Record<string, TensorInfo>, attrs as unknown as Attrs),
  });
  if (gradient) {
    tf.registerGradient({
      kernelName: name,
      inputsToSave: [...(gradient.saveInputs ?? [])],
      outputsToSave: [...(gradient.saveOutputs ?? [])],
      gradFunc: (dy, saved, attrs) => {
        const dys = Array.isArray(dy) ? dy : [dy];
        const own = passedBy([...dys, ...saved]);
        return gradient.backward(dys, saved, attrs as unknown as Attrs, (temporary) => {
          own?.push(temporary);
          return temporary;
        });
      },
    });
  }
  return (inputs: NamedTensorMap, attrs: Attrs): Tensor[] => {
    const out = tf.engine().runKernel<Tensor | Tensor[]>(name, inputs, attrs as unknown as tf.NamedAttrMap);
    return Array.isArray(out) ? out : [out];
  };
}
