/**
 * One training step on the GPU: micro-steps that add gradients, then one update. The dispatches of a micro-step are
 * recorded once per bucket shape and replayed; all that differs from step to step is written into input tensors.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { addLoss, linearCombination } from '../../kernels/loss/loss';
import { checkGpu } from '../../kernels/device';
import { gradientsOf } from '../../kernels/kernel';
import { concatChannels } from '../../kernels/layout/layout';
import { reserve, upload, write } from '../../kernels/program';
import { Recorder, type Recording } from '../../kernels/recording';
import type { Lora } from '../../kernels/lora/lora';
import type { LoraOf, LoraParameters } from '../../models/lora';
import { ownsModule, timeEmbedding, type UnetBlock } from '../../models/unet';
import { textConfigs, textModels, type BaseModel, type BaseParts } from './base_model';
import { addNoiseCoefficients, targetCoefficients } from './noise_schedule';
import { losses, RUN_KINDS } from './kinds';
import type { Optimizer } from './optimizer';
import { checkpointedBackward } from './checkpointed_backward';
import { PromptInputs } from './prompts';
import { sizesLength, type Conditioning } from '../../models/family';
import type { LoraPart, TextPart } from '../../formats/families/family_facts';

export interface StepSettings {
  /** Where the context comes from: given with each batch, or encoded from ids by encoders that are trained. */
  text: 'given' | 'trained';
  trainUnet: boolean;
  /** Prompt chunks of 75 tokens. */
  chunks: number;
  clipSkip: number;
  vPrediction: boolean;
  /** See `checkpointedBackward`. */
  firstKeptBlock: number;
  /** See `checkpointedBackward`. */
  activations: 'half' | 'single';
  /** False runs every step the plain way, without recordings: slower, and the same bits. */
  record: boolean;
  /** Recordings kept, of the shapes used last; a shape beyond them is recorded anew, and gives the same bits. `KEPT_RECORDINGS` unless given. */
  recordings?: number;
}

/** One of SDXL is 8,800 bind groups, which take some 70 MB of the host's memory: thirty shapes would take 2 GB. */
const KEPT_RECORDINGS = 8;

/** One batch of one bucket; arrays are whole batches, sample after sample, NHWC. */
export interface MicroBatch {
  size: number;
  height: number;
  width: number;
  x0: Float32Array;
  noise: Float32Array;
  timesteps: readonly number[];
  /** Weight of each sample's loss, min-SNR and 1 / accumulation included; the sum over samples is divided by `size`. */
  weights: readonly number[];
  /** [size, tokens, channels], where `text` is 'given'. */
  context?: Float32Array;
  /** [size * chunks, 77], where it is not. */
  ids?: Int32Array;
  /**
   * Where the U-Net adds a vector to its time embedding: [size, addChannels], or what follows the pooled text in it, where
   * the text is not given.
   */
  added?: Float32Array;
}

interface Inputs {
  x0: Tensor;
  noise: Tensor;
  mix: Tensor;
  target: Tensor;
  t: Tensor;
  weights: Tensor;
  context: Tensor | undefined;
  prompts: PromptInputs | undefined;
  added: Tensor | undefined;
}

/** The text encoders only where the context is not given. */
export type TrainedParts = BaseParts<'unet'> & Partial<Pick<BaseModel, TextPart>>;

export class StepEngine {
  readonly recorder = new Recorder();
  /** Sum of the losses of the micro-steps since `begin`. */
  readonly loss: Tensor;
  /** Changes with every micro-step, for dropout. */
  readonly dropoutSeed: Tensor;
  private readonly buckets = new Map<string, Inputs>();
  /** By bucket shape, the one used last at the end. */
  private readonly recordings = new Map<string, Recording>();
  private readonly adapted: ReadonlyMap<UnetBlock, readonly string[]>;
  /** The modules as they are trained: each knows where in the optimizer's gradient its own is added. */
  private readonly trained: Readonly<Record<LoraPart, ReadonlyMap<string, Lora>>>;

  constructor(
    private readonly base: TrainedParts,
    private readonly lora: LoraParameters,
    private readonly optimizer: Optimizer,
    private readonly settings: StepSettings,
    private readonly givenSeed?: Tensor,
  ) {
    this.loss = reserve([1], 'float32', 'training inputs');
    this.dropoutSeed = givenSeed ?? upload(new Int32Array(1), [1], 'training inputs');
    const of = (part: LoraPart) => trainedModules(lora, optimizer, part);
    this.trained = { unet: of('unet'), text1: of('text1'), text2: of('text2') };
    this.adapted = new Map(
      base.unet.blocks.map((block) => [
        block,
        settings.trainUnet
          ? lora.modules
              .filter(({ part, path }) => part === 'unet' && ownsModule(block, path))
              .map(({ path }) => path)
          : [],
      ]),
    );
  }

  /** Starts an update: the loss from zero. The gradient is zero already, as every update leaves it. */
  begin(): void {
    write(this.loss, new Float32Array(1));
  }

  /** Adds one batch's gradients. `seed` drives dropout. */
  micro(batch: MicroBatch, seed: number): void {
    const inputs = this.inputsFor(batch);
    this.fill(inputs, batch, seed);
    const work = (mark: (segment: string) => void) => this.differentiate(inputs, mark);
    if (!this.settings.record) {
      this.recorder.run(() => work(() => {}));
      return;
    }
    const key = keyOf(batch);
    const known = this.recordings.get(key);
    this.recordings.delete(key);
    if (known) {
      known.replay();
      this.recordings.set(key, known);
      return;
    }
    const { recordings: most = KEPT_RECORDINGS } = this.settings;
    // Before the next is made, so that there are never more.
    while (this.recordings.size > 0 && this.recordings.size >= most)
      this.recordings.delete(this.recordings.keys().next().value as string);
    this.recordings.set(key, this.recorder.record(work));
  }

  /** The recording made for a batch of this shape, if any: for measuring. */
  recordingOf(batch: Pick<MicroBatch, 'size' | 'height' | 'width'>): Recording | undefined {
    return this.recordings.get(keyOf(batch));
  }

  /**
   * Gives back the memory of the steps so far, before something else needs it: the next step of each shape is recorded
   * anew, and gives the same bits.
   */
  release(): void {
    this.recordings.clear();
    this.recorder.dispose();
  }

  dispose(): void {
    for (const { x0, noise, mix, target, t, weights, context, prompts, added } of this.buckets.values()) {
      for (const one of [x0, noise, mix, target, t, weights, context, prompts, added]) one?.dispose();
    }
    this.buckets.clear();
    this.recordings.clear();
    this.recorder.dispose();
    this.loss.dispose();
    if (!this.givenSeed) this.dropoutSeed.dispose();
  }

  private differentiate(inputs: Inputs, mark: (segment: string) => void): void {
    const { base, lora, settings, optimizer } = this;
    const trained: LoraOf = (part) => (path) => this.trained[part].get(path);
    const encode = (): Conditioning => {
      if (!inputs.prompts || !base.text1)
        throw new Error('Captions are to be encoded, but ids or the text encoder are missing.');
      const texts = textModels(base, trained);
      const config = textConfigs({ ...base, text1: base.text1 });
      return base.family.encode(texts, config, inputs.prompts.with(settings.clipSkip));
    };
    const unet = { weights: base.unet.weights, ...(settings.trainUnet ? { lora: trained('unet') } : {}) };
    const timeOf = (pooled: Tensor | undefined) =>
      timeEmbedding(
        unet,
        inputs.t,
        pooled && inputs.added ? concatChannels(pooled, inputs.added) : inputs.added,
      );

    const noisy = linearCombination(inputs.x0, inputs.noise, inputs.mix);
    const target = linearCombination(inputs.x0, inputs.noise, inputs.target);
    const { context, pooled } = inputs.context ? { context: inputs.context } : tidied(encode);
    const time = tf.tidy(() => timeOf(pooled));
    const trainsText = settings.text === 'trained';
    const { loss, dContext, dTime } = checkpointedBackward(
      {
        model: unet,
        blocks: base.unet.blocks,
        firstKeptBlock: settings.firstKeptBlock,
        activations: settings.activations,
        adapted: (block) => this.adapted.get(block) ?? [],
        wantContext: trainsText,
        wantTime: trainsText && pooled !== undefined,
      },
      noisy,
      { time, context },
      (prediction) => losses[RUN_KINDS.loss](prediction, target, inputs.weights, optimizer.lossScale),
      optimizer.lossScale,
      mark,
    );
    addLoss(this.loss, loss);
    if (!dContext) return;
    tf.tidy(() => {
      const dPooled =
        pooled && dTime ? gradientsOf(() => timeOf(pooled), [pooled], dTime).grads[0] : undefined;
      const modules = lora.modules.filter((module) => module.part !== 'unet');
      const matrices = modules.flatMap(({ part, path }) => {
        const pair = trained(part)(path);
        return pair ? [pair.down, pair.up] : [];
      });
      // A skipped last layer has no gradient.
      gradientsOf(
        () => {
          const states = encode();
          return dPooled ? joined(states.context, states.pooled) : states.context;
        },
        matrices,
        dPooled ? joined(dContext, dPooled) : dContext,
        true,
      );
    });
  }

  private inputsFor(batch: MicroBatch): Inputs {
    const key = keyOf(batch);
    const known = this.buckets.get(key);
    if (known) return known;
    const { size: B, height, width } = batch;
    const { base, settings } = this;
    const { inChannels, contextChannels, addChannels } = base.unet.config;
    const configs = base.text1 ? textConfigs({ ...base, text1: base.text1 }) : {};
    const float = (...shape: number[]) => reserve(shape, 'float32', 'training inputs');
    const given = settings.text === 'given';
    const made: Inputs = {
      x0: float(B, height, width, inChannels),
      noise: float(B, height, width, inChannels),
      mix: float(B, 2),
      target: float(B, 2),
      t: float(B),
      weights: float(B),
      context: given ? float(B, settings.chunks * (POSITIONS - 2) + 2, contextChannels) : undefined,
      prompts: given
        ? undefined
        : new PromptInputs(base.family, configs, B, settings.chunks, 'training inputs'),
      added:
        addChannels > 0
          ? float(B, given ? addChannels : sizesLength({ unet: base.unet.config, ...configs }))
          : undefined,
    };
    this.buckets.set(key, made);
    return made;
  }

  private fill(inputs: Inputs, batch: MicroBatch, seed: number): void {
    const { vPrediction } = this.settings;
    const pairs = (of: (t: number) => { x0: number; eps: number }) =>
      Float32Array.from(batch.timesteps.flatMap((t) => [of(t).x0, of(t).eps]));
    write(inputs.x0, batch.x0);
    write(inputs.noise, batch.noise);
    write(
      inputs.mix,
      pairs((t) => addNoiseCoefficients(this.base.schedule, t)),
    );
    write(
      inputs.target,
      pairs((t) => targetCoefficients(this.base.schedule, t, vPrediction)),
    );
    write(inputs.t, Float32Array.from(batch.timesteps));
    write(inputs.weights, Float32Array.from(batch.weights));
    write(this.dropoutSeed, Int32Array.of(seed));
    if (inputs.context && batch.context) write(inputs.context, batch.context);
    else if (inputs.prompts && batch.ids) inputs.prompts.write(batch.ids);
    else throw new Error(`The batch has no ${inputs.context ? 'context' : 'token ids'}.`);
    if (inputs.added) {
      if (!batch.added)
        throw new Error('The batch lacks the vector that this U-Net adds to its time embedding.');
      write(inputs.added, batch.added);
    }
    checkGpu();
  }
}

/** Token positions of a CLIP text encoder, BOS and EOS included. */
const POSITIONS = 77;

function trainedModules(lora: LoraParameters, optimizer: Optimizer, part: LoraPart): Map<string, Lora> {
  return new Map(
    lora.modules
      .filter((module) => module.part === part)
      .map(({ path, piece, down, up }) => {
        const pair = lora.of(part)(path);
        if (!pair) throw new Error(`No LoRA at ${path}.`);
        const { from } = lora.pieces[piece];
        const gradient = { flat: optimizer.gradient[piece], down: down - from, up: up - from };
        return [path, { ...pair, gradient }];
      }),
  );
}

/** tf.tidy for what a family encodes. */
function tidied(encode: () => Conditioning): Conditioning {
  return tf.tidy(() => ({ ...encode() }));
}

/** Two outputs as one row, so that one backward pass serves both. */
function joined(context: Tensor, pooled: Tensor | undefined): Tensor {
  if (!pooled) throw new Error('This family pools its text, but no pooled text was encoded.');
  return concatChannels(context.reshape([1, -1]), pooled.reshape([1, -1]));
}

function keyOf({ size, height, width }: Pick<MicroBatch, 'size' | 'height' | 'width'>): string {
  return `${size}x${height}x${width}`;
}
