/** From the probe's speed to the time of a step, before there is a run to estimate. The settings know it better. */

/** Stable Diffusion 1.5 at 512x512 px, one picture: forward, and backward to the inputs, as its weights are frozen. */
const STEP_FLOP = 1.8e12;
/** Share of the matrix product's speed that a whole step reaches; the trainer's own estimate says its own. */
const EFFICIENCY = 0.5;

export function stepSeconds(gflops: number): number {
  return STEP_FLOP / (gflops * 1e9 * EFFICIENCY);
}
