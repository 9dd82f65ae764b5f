/**
 * `npm run train -- --config FILE --plan`: what the run would be, in lines for a person. Reads headers and sizes of pictures,
 * trains nothing and writes nothing.
 */
import type { TrainConfig } from '../src/formats/config/config_fields';
import type { FamilyFacts } from '../src/formats/families/family_facts';
import type { Estimate } from '../src/protocol/trainer';

/** What the base model was recognised as, and what it is trained as. */
export function baseLine(
  { base_precision, v_parameterization, zero_terminal_snr }: TrainConfig,
  { title }: Pick<FamilyFacts, 'title'>,
): string {
  return (
    `base model: ${title.en}, trained as one that predicts ${v_parameterization ? 'v' : 'noise'}` +
    (zero_terminal_snr ? ', with zero terminal SNR' : '') +
    (base_precision === 'fp16' ? '' : `; its U-Net in ${base_precision}`)
  );
}

/** Lines; numbers with their units. */
export function planLines(config: TrainConfig, plan: Estimate): string[] {
  const { bytes, buckets } = plan;
  const shown = buckets.reduce((sum, { images }) => sum + images, 0);
  const every = config.save_every_n_epochs * plan.stepsPerEpoch || config.save_steps;
  const saves = every > 0 ? Math.floor((plan.steps - 1) / every) : 0;
  const budget = plan.auto
    ? `the studio's own aim of ${gb(plan.budgetBytes)}`
    : `memory_budget_gb of ${gb(plan.budgetBytes)}`;
  return [
    `pictures: ${shown}, in ${buckets.length} ${buckets.length === 1 ? 'size' : 'sizes'}: ${buckets.map(({ width, height, images }) => `${images} of ${width}x${height}`).join(', ')}`,
    `steps: ${plan.steps} (${plan.epochs} epochs of ${plan.stepsPerEpoch}), batch_size ${config.batch_size}, gradient_accumulation_steps ${config.gradient_accumulation_steps}`,
    `LoRA: ${plan.loraModules} modules, rank ${ranksText(plan, config)}, ${(plan.loraParameters / 1e6).toFixed(2)} M parameters, a file of ${(plan.loraBytes / 1e6).toFixed(1)} MB`,
    `saved: at the end${saves > 0 ? `, and ${saves} times before, every ${every} steps` : ''}`,
    `memory: at most ${gb(plan.peakBytes)}: base model ${gb(bytes.weights)}, LoRA and optimizer ${gb(bytes.lora)}, kept activations ${gb(bytes.kept)}, working memory ${gb(bytes.working)}`,
    `memory is kept by: ${plan.recomputedBlocks} of ${plan.blocks} blocks recomputed, ${plan.microBatch} of ${plan.largestBatch} pictures at once`,
    plan.fits
      ? `memory fits ${budget}`
      : plan.auto
        ? `memory is over ${budget}: it starts all the same, and needs a card with that much free`
        : `memory is over ${budget}: it does not start; raise it, set it to 0, or give --anyway`,
    ...(plan.fits || config.base_precision !== 'fp16'
      ? []
      : ["base_precision: int8 halves what the U-Net's weights take, with nearly the same gradients"]),
    `arithmetic: ${(plan.flopsPerStep / 1e12).toPrecision(3)} TFLOP a step`,
  ];
}

/** One, or from which to which where a LoRA that is continued keeps its own. */
function ranksText({ loraRanks: ranks }: Estimate, config: TrainConfig): string {
  return ranks
    ? `${ranks.least} to ${ranks.most} (pretrained_lora's own, with its alphas; lora_rank and lora_alpha do not count for them)`
    : String(config.lora_rank);
}

function gb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
