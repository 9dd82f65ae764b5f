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
     * thunks belongs before them: a thunk's own temporaries die with it.
     */
    backward(dy: Tensor[], saved: Tensor[], attrs: Attrs): Record<string, () => Tensor>;
  };
}

/** A gradient passed on unchanged: the tape disposes those it is given, so it needs a tensor of its own, on the same buffer. */
export function passedOn(dy: Tensor): Tensor {
  return tf.reshape(dy, dy.shape);
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
      gradFunc: (dy, saved, attrs) =>
        gradient.backward(Array.isArray(dy) ? dy : [dy], saved, attrs as unknown as Attrs),
    });
  }
  return (inputs: NamedTensorMap, attrs: Attrs): Tensor[] => {
    const out = tf.engine().runKernel<Tensor | Tensor[]>(name, inputs, attrs as unknown as tf.NamedAttrMap);
    return Array.isArray(out) ? out : [out];
  };
}
