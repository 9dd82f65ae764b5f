/**
 * Forward and backward through the U-Net's blocks with a bounded memory. Blocks before `firstKeptBlock` run forward outside
 * the tape and leave only their outputs, and what attention over many keys gave, which is little for the time that it took; they
 * are run again, one by one in reverse, under the tape, without the last products, which only make those outputs. Blocks from
 * `firstKeptBlock` on run once, on one tape. At `blocks.length` attention is computed again as well. tfjs cannot nest
 * gradients, hence this explicit pass.
 * Training Deep Nets with Sublinear Memory Cost, Chen et al. 2016.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { KeptAttention } from '../../kernels/attention/attention';
import { gradientsOf } from '../../kernels/kernel';
import { add } from '../../kernels/pointwise/pointwise';
import { storingHalves } from '../../kernels/program';
import type { Model } from '../../models/layers';
import type { UnetBlock, UnetInputs } from '../../models/unet';

export interface BackwardSettings {
  model: Model;
  blocks: readonly UnetBlock[];
  /**
   * Blocks from this index on keep their activations; 0 keeps all, `blocks.length - 1` none but the last block's and what
   * attention gave, `blocks.length` not even that.
   */
  firstKeptBlock: number;
  /** How what the blocks make on the way forward is stored; all but the prediction. */
  activations: 'half' | 'single';
  /** Paths of the trained LoRA modules in a block; none if only the text encoder is trained. */
  adapted: (block: UnetBlock) => readonly string[];
  /** Is the gradient of the context wanted (a trained text encoder)? */
  wantContext: boolean;
  /** And that of the time embedding (text that is pooled into it)? */
  wantTime?: boolean;
}

/**
 * x [B, H, W, 4] noisy latents; `loss` maps the prediction to a scalar under the tape; `seed` is the gradient of that
 * scalar (the loss scale), a tensor [1] already on the GPU. The LoRA's gradients are added where it says (`Lora.gradient`).
 * Returns the loss and, if wanted, the gradients of the context and of the time embedding.
 */
export function checkpointedBackward(
  { model, blocks, firstKeptBlock, activations, adapted, wantContext, wantTime = false }: BackwardSettings,
  x: Tensor,
  inputs: UnetInputs,
  loss: (prediction: Tensor) => Tensor,
  seed: Tensor,
  mark: (segment: string) => void = () => {},
): { loss: Tensor; dContext: Tensor | undefined; dTime: Tensor | undefined } {
  const first = Math.min(Math.max(firstKeptBlock, 0), blocks.length - 1);
  const skipOf = skipSources(blocks);
  const needs = needsGradient(
    blocks,
    (block) =>
      adapted(block).length > 0 || (wantContext && block.seesContext) || (wantTime && block.seesTime),
  );
  const outputs: Tensor[] = [];
  const inputOf = (i: number) => (i === 0 ? x : outputs[i - 1]);
  const runBlock = (i: number, h: Tensor, skip: Tensor | undefined, given = inputs): Tensor => {
    const run = () => blocks[i].run(model, h, given, skip);
    return activations === 'half' && i < blocks.length - 1 ? storingHalves(run) : run();
  };

  const kept: (KeptAttention | undefined)[] = [];
  mark('forward');
  for (let i = 0; i < first; i++) {
    const run = () => tf.tidy(() => runBlock(i, inputOf(i), outputs[skipOf[i] ?? -1]));
    const keeper = needs[i] && firstKeptBlock < blocks.length ? new KeptAttention() : undefined;
    outputs[i] = keeper ? keeper.keeping(run) : run();
    kept[i] = keeper;
  }

  const dOutputs: (Tensor | undefined)[] = [];
  let dContext: Tensor | undefined;
  let dTime: Tensor | undefined;
  const gather = (i: number, gradient: Tensor) => (dOutputs[i] = accumulate(dOutputs[i], gradient));

  /** Gradients of `y` with respect to earlier outputs, the context, the time embedding and the LoRA of some blocks. */
  const differentiate = (
    y: () => Tensor,
    dy: Tensor,
    earlier: number[],
    inside: readonly UnetBlock[],
  ): Tensor => {
    const sources = earlier.filter((i) => needs[i]);
    const takesContext = wantContext && inside.some((block) => block.seesContext);
    const takesTime = wantTime && inside.some((block) => block.seesTime);
    const paths = inside.flatMap(adapted);
    const [value, ...flowing] = tf.tidy(() => {
      const matrices = paths.flatMap((path) => {
        const lora = model.lora?.(path);
        return lora ? [lora.down, lora.up] : [];
      });
      const xs = [
        ...sources.map((i) => outputs[i]),
        ...(takesContext ? [inputs.context] : []),
        ...(takesTime ? [inputs.time] : []),
        ...matrices,
      ];
      const { value, grads } = gradientsOf(y, xs, dy);
      // What stands for the LoRA's, behind them, has no contents.
      return [value, ...grads.slice(0, xs.length - matrices.length)];
    });
    sources.forEach((i, at) => gather(i, flowing[at]));
    if (takesContext) dContext = accumulate(dContext, flowing[sources.length]);
    if (takesTime) dTime = accumulate(dTime, flowing[sources.length + (takesContext ? 1 : 0)]);
    return value;
  };

  const tail = blocks.slice(first);
  const before = new Set(tail.flatMap((_, n) => [skipOf[first + n] ?? -1]).concat(first - 1));
  const value = differentiate(
    () => {
      const local: Tensor[] = outputs.slice();
      for (let i = first; i < blocks.length; i++) {
        // What the tape did not save, goes.
        local[i] = tf.tidy(() => runBlock(i, i === 0 ? x : local[i - 1], local[skipOf[i] ?? -1]));
      }
      const l = loss(local[blocks.length - 1]);
      mark('backward');
      return l;
    },
    seed,
    [...before].filter((i) => i >= 0 && i < first),
    tail,
  );

  for (let i = first - 1; i >= 0; i--) {
    const block = blocks[i];
    const dy = dOutputs[i];
    if (needs[i] && dy) {
      const skip = skipOf[i];
      const earlier = [...new Set([i - 1, skip ?? -1])].filter((n) => n >= 0);
      const unread = { ...inputs, unread: true };
      const again = () => runBlock(i, inputOf(i), outputs[skip ?? -1], unread);
      const taking = () => kept[i]?.reusing(again) ?? again();
      differentiate(taking, dy, earlier, [block]).dispose();
      dy.dispose();
    }
    kept[i]?.dispose();
    outputs[i].dispose();
  }
  return { loss: value, dContext, dTime };
}

/** For each block that takes a skip connection, the index of the block whose output it is. */
export function skipSources(blocks: readonly UnetBlock[]): (number | undefined)[] {
  const stack: number[] = [];
  return blocks.map((block, i) => {
    const source = block.takesSkip ? stack.pop() : undefined;
    if (block.givesSkip) stack.push(i);
    return source;
  });
}

/** Whether anything trained lies at or before each block, so that its output needs a gradient. */
function needsGradient(blocks: readonly UnetBlock[], trains: (block: UnetBlock) => boolean): boolean[] {
  let any = false;
  return blocks.map((block) => (any ||= trains(block)));
}

function accumulate(sum: Tensor | undefined, gradient: Tensor): Tensor {
  if (!sum) return gradient;
  const total = add(sum, gradient);
  sum.dispose();
  gradient.dispose();
  return total;
}
