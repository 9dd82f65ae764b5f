/** GPU memory to stay within where no budget was set by hand: of a run that trains, and of pictures that are drawn. */

/** Where nothing is said: leaves room beside the desktop on a 4 GB card, and recomputes nothing for small models. */
const DEFAULT_BUDGET_GB = 3.5;

/** Bytes. `cardGb` is what the graphics card has, where a person said so. */
export function ownBudget(cardGb?: number): number {
  // What the desktop and the browser take themselves: more on a large card with large screens.
  const gb = cardGb ? Math.max(cardGb / 2, Math.min(cardGb - 1.5, 0.85 * cardGb)) : DEFAULT_BUDGET_GB;
  return gb * 1e9;
}
