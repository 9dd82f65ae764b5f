/** `npm run bench -- --plan CARD`: what a training step would be on a card that is not here. Predicted, all of it. */
import { closeDevice, openDevice, takenFor } from '../../src/kernels/device';
import type { SimulatedDispatch } from '../../src/kernels/program';
import { HALF_MATHS, type HalfMath } from '../../src/kernels/tuned';
import { loraShapes } from '../../src/training/step/lora_file';
import { walkStep, type MemoryRequest } from '../../src/training/plan/memory';
import { costOn, type Cost } from './card_model';
import { CARDS, type CardName } from './cards';
import { MODELS } from './models';
import type { BenchOptions } from './options';

export interface PlannedKind {
  kind: string;
  dispatches: number;
  gflop: number;
  ms: number;
  /** Of its time, by what bounds the dispatches. */
  boundBy: Record<Cost['bound'], number>;
  /** Least over the dispatches that compute for longer than they launch, weighed by nothing: 1 is all multiprocessors equally busy. */
  leastBusiestShare: number | null;
}

export interface StepPlan {
  predicted: true;
  card: CardName;
  tier: string;
  size: number;
  batch: number;
  rank: number;
  recompute: BenchOptions['recompute'];
  /** The arithmetic, of an f16 tier. */
  math?: HalfMath;
  dispatches: number;
  tflop: number;
  peakGb: number;
  ms: number;
  /** Of `ms`, what would be left if every dispatch cost its launch alone. */
  launchMs: number;
  /** TFLOP a second, and of the card's f32 roofline. */
  tflopsPerSecond: number;
  shareOfF32: number;
  kinds: PlannedKind[];
}

/** The step of the U-Net of `model`, for `walkStep`. */
export function stepRequest(
  model: keyof typeof MODELS,
  {
    size,
    batch,
    rank,
    activations = 'half',
  }: { size: number; batch: number; rank: number; activations?: BenchOptions['activations'] },
): { request: MemoryRequest; blocks: number } {
  const config = MODELS[model];
  const lora = { train_unet: true, train_text_encoder: false, lora_rank: rank, lora_alpha: rank };
  const request: MemoryRequest = {
    config,
    lora: { shapes: loraShapes(config, lora), dropout: 0 },
    optimizer: 'adamw',
    settings: { text: 'given', trainUnet: true, chunks: 1, clipSkip: 1, vPrediction: false, activations },
    buckets: [{ size: batch, width: size, height: size }],
    samples: undefined,
    keep: [],
  };
  return { request, blocks: config.family.blocks(config.unet).length };
}

/** What a program does, for the table. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^gemm-add-parts/, 'sums of split products'],
  [/^gemm-conv/, 'convolution'],
  [/^gemm-rows-half/, 'linear'],
  [/^gemm-thin/, 'LoRA, thin products'],
  [/^attention-delta/, 'attention, row sums'],
  [/^attention/, 'attention'],
  [/^group/, 'group norm'],
  [/^layer/, 'layer norm'],
  [/^geglu/i, 'GEGLU'],
  [/^add/, 'additions'],
  [/^(adamw|lion|gradientNorm)/, 'gradients, optimizer'],
];

export async function planStep(
  options: BenchOptions,
  cardName: CardName,
  say: (line: string) => void,
): Promise<StepPlan> {
  const gpu = await openDevice(options.tier ? { tier: options.tier } : {});
  try {
    const card = CARDS[cardName];
    // The open adapter is a CPU's, whose bindings may end at 128 MiB; these cards' drivers bind 2 GiB and more.
    gpu.buffers.simulatedLimit = 2 ** 31;
    const { size = 512, model = 'sd15', batch, rank, recompute } = options;
    const { request, blocks } = stepRequest(model, { size, batch, rank, activations: options.activations });
    const firstKeptBlock =
      recompute === 'all' ? blocks - 1 : recompute === 'none' ? 0 : Math.min(recompute, blocks);
    // As the tuner would choose: the arithmetic in which the step is fastest by the card's rates.
    const { multiprocessors } = card;
    const choices = gpu.f16 ? HALF_MATHS.map((math) => ({ multiprocessors, math })) : [{ multiprocessors }];
    const walks = choices.map((tuning) => {
      const heard: SimulatedDispatch[] = [];
      const walked = takenFor({ software: false, tuning }, () =>
        walkStep(request, { firstKeptBlock, microBatch: batch }, (one) => heard.push(one)),
      );
      const us = heard.reduce((sum, one) => sum + costOn(card, one).us, 0);
      return { walked, heard, us, math: 'math' in tuning ? tuning.math : undefined };
    });
    const { walked, heard, math } = walks.reduce((best, one) => (one.us < best.us ? one : best));
    const kinds = new Map<string, { dispatches: SimulatedDispatch[]; costs: Cost[] }>();
    for (const one of heard) {
      const kind = KINDS.find(([pattern]) => pattern.test(one.program.name))?.[1] ?? 'other';
      const of = kinds.get(kind) ?? { dispatches: [], costs: [] };
      kinds.set(kind, of);
      of.dispatches.push(one);
      of.costs.push(costOn(card, one));
    }
    const rows = [...kinds]
      .map(([kind, { dispatches, costs }]) => planned(kind, dispatches, costs, card.launchUs))
      .sort((a, b) => b.ms - a.ms);
    const ms = rows.reduce((sum, row) => sum + row.ms, 0);
    const plan: StepPlan = {
      predicted: true,
      ...{ card: cardName, tier: gpu.tier, size, batch, rank, recompute, ...(math ? { math } : {}) },
      dispatches: walked.dispatches,
      tflop: walked.flops / 1e12,
      peakGb: walked.peakBytes / 1e9,
      ms,
      launchMs: (heard.length * card.launchUs) / 1e3,
      tflopsPerSecond: walked.flops / 1e9 / ms,
      shareOfF32: walked.flops / 1e9 / ms / card.f32Tflops,
      kinds: rows,
    };
    for (const line of table(plan)) say(line);
    return plan;
  } finally {
    closeDevice();
  }
}

function planned(
  kind: string,
  dispatches: readonly SimulatedDispatch[],
  costs: readonly Cost[],
  launchUs: number,
): PlannedKind {
  const boundBy = { compute: 0, memory: 0, launch: 0 };
  for (const { bound, us } of costs) boundBy[bound] += us / 1e3;
  const busy = costs.filter(({ computeUs }) => computeUs > launchUs).map(({ busiestShare }) => busiestShare);
  return {
    kind,
    dispatches: dispatches.length,
    gflop: dispatches.reduce((sum, { flops }) => sum + flops, 0) / 1e9,
    ms: costs.reduce((sum, { us }) => sum + us, 0) / 1e3,
    boundBy,
    leastBusiestShare: busy.length ? Math.min(...busy) : null,
  };
}

function table({ card, size, batch, rank, tier, math, recompute, ...plan }: StepPlan): string[] {
  const head =
    `Predicted, not measured: SD 1.5's U-Net on ${card}, ${size} px, batch ${batch}, rank ${rank}, tier ${tier}${math ? ` (products: ${math})` : ''}, ` +
    `recomputed: ${recompute}`;
  const sum =
    `${plan.ms.toFixed(0)} ms a step, ${plan.dispatches} dispatches (${plan.launchMs.toFixed(0)} ms of launches), ` +
    `${plan.tflop.toFixed(2)} TFLOP, ${(100 * plan.shareOfF32).toFixed(0)} % of the f32 roofline, ${plan.peakGb.toFixed(2)} GB`;
  return [
    head,
    sum,
    ...plan.kinds.map(
      ({ kind, dispatches, gflop, ms, leastBusiestShare }) =>
        `${kind.padEnd(24)} ${String(dispatches).padStart(5)} ${ms.toFixed(1).padStart(7)} ms ` +
        `${gflop.toFixed(0).padStart(6)} GFLOP  busiest at least ${leastBusiestShare?.toFixed(2) ?? '-'}`,
    ),
  ];
}
