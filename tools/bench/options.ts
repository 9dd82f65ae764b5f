/** What the bench is asked for, from its command line; and what follows from the adapter where nothing is said. */
import { parseArgs } from 'node:util';
import type { Gpu, Tier } from '../../src/kernels/device';
import { CARDS, type CardName } from './cards';
import { heavyShapes, oneOfEach, type Shape } from './shapes';

export interface BenchOptions {
  /** The adapter's best if left out. */
  tier: Tier | undefined;
  /** Pixels of the picture that the kernels' shapes and the training step come from. */
  size: number | undefined;
  model: 'sd15' | 'tiny' | undefined;
  rank: number;
  steps: number;
  /** Whose activations are kept: of no block but the last (`all` is recomputed), of every one, or from block N on. */
  recompute: 'all' | 'none' | number;
  /** How activations are stored. */
  activations: 'half' | 'single';
  kernelsOnly: boolean;
  stepOnly: boolean;
  tune: boolean;
  quick: boolean;
  /** Nothing is measured: what a step is predicted to take on this card. */
  card: CardName | undefined;
  /** Pictures in a batch, for the prediction. */
  batch: number;
}

/** `BenchOptions` with everything decided, and how long to measure. */
export interface BenchPlan extends BenchOptions {
  size: number;
  model: 'sd15' | 'tiny';
  /** What SD 1.5's channels are divided by in the kernels' shapes. */
  channelDivisor: number;
  timing: { minMs: number; batches: number };
  /** Of each buffer of the bandwidth test. */
  copyBytes: number;
}

export const USAGE = `Usage: npm run bench -- [options]      (JSON on standard output, progress on standard error)
  --tier f32|f16|f16-subgroups   default: the adapter's best
  --size 512|256|128             pixels; default 512 on a GPU, 128 on the CPU
  --model sd15|tiny              whose training step; default sd15 on a GPU, tiny on the CPU
  --rank N                       of the LoRA; default 8
  --steps N                      timed training steps; default 20
  --recompute all|none|N         blocks before the N-th are run again in the backward pass (as many as there are: attention
                                 too, which is else kept); default all
  --activations half|single      how they are stored; default half, as a run's are unless its mixed_precision is fp32
  --kernels-only, --step-only    one half of the bench
  --tune                         also every tile of the matrix product at every shape
  --plan CARD                    measures nothing: predicts a step of SD 1.5 on ${Object.keys(CARDS).join('|')}, with --batch N
  --quick                        one small shape of each kind, tiny model, three steps: under a minute on two CPU cores`;

export class BenchUsageError extends Error {
  override readonly name = 'BenchUsageError';
}

/** Throws `BenchUsageError`; `undefined` means that help was asked for. */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const quick = values.quick ?? false;
  const { recompute = 'all' } = values;
  const options: BenchOptions = {
    tier: choice('tier', values.tier, ['f32', 'f16', 'f16-subgroups']),
    size: values.size === undefined ? undefined : whole('size', values.size, 64, 1024),
    model: choice('model', values.model, ['sd15', 'tiny']),
    rank: whole('rank', values.rank ?? '8', 1, 128),
    steps: whole('steps', values.steps ?? (quick ? '3' : '20'), 1, 100_000),
    recompute: recompute === 'all' || recompute === 'none' ? recompute : whole('recompute', recompute, 0, 99),
    activations: choice('activations', values.activations, ['half', 'single']) ?? 'half',
    kernelsOnly: values['kernels-only'] ?? false,
    stepOnly: values['step-only'] ?? false,
    tune: values.tune ?? false,
    quick,
    card: choice('plan', values.plan, Object.keys(CARDS) as CardName[]),
    batch: whole('batch', values.batch ?? '1', 1, 16),
  };
  if (options.size !== undefined && options.size % 64)
    throw new BenchUsageError(
      `--size is ${options.size}: VAE and U-Net halve it six times; give a multiple of 64.`,
    );
  if (options.kernelsOnly && options.stepOnly)
    throw new BenchUsageError('--kernels-only and --step-only leave nothing to measure: give one of them.');
  return options;
}

/** The kernels' shapes: with `--quick` one of each kind. */
export function shapesOf(plan: BenchPlan): Shape[] {
  const shapes = heavyShapes(plan.size, plan.channelDivisor, plan.rank);
  return plan.quick ? oneOfEach(shapes) : shapes;
}

export function planBench(options: BenchOptions, gpu: Pick<Gpu, 'software'>): BenchPlan {
  const { quick } = options;
  const small = quick || gpu.software;
  return {
    ...options,
    size: options.size ?? (small ? 128 : 512),
    model: options.model ?? (small ? 'tiny' : 'sd15'),
    channelDivisor: quick ? 5 : 1,
    timing: quick
      ? { minMs: 10, batches: 3 }
      : gpu.software
        ? { minMs: 100, batches: 3 }
        : { minMs: 200, batches: 5 },
    copyBytes: (quick ? 16 : gpu.software ? 64 : 256) * 2 ** 20,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        tier: text,
        size: text,
        model: text,
        rank: text,
        steps: text,
        recompute: text,
        activations: text,
        plan: text,
        batch: text,
        'kernels-only': flag,
        'step-only': flag,
        tune: flag,
        quick: flag,
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new BenchUsageError(error instanceof Error ? error.message : String(error));
  }
}

function choice<T extends string>(name: string, value: string | undefined, all: readonly T[]): T | undefined {
  const found = all.find((one) => one === value);
  if (value !== undefined && found === undefined)
    throw new BenchUsageError(`--${name} is '${value}': give one of ${all.join(', ')}.`);
  return found;
}

function whole(name: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least || number > most)
    throw new BenchUsageError(`--${name} is '${value}': give a whole number from ${least} to ${most}.`);
  return number;
}
