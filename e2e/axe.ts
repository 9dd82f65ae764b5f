/**
 * What axe-core finds wrong on a page, once it stands still: a button's ground fades when the theme changes while its
 * ink does not, and on a busy machine axe measured the contrast in between.
 */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

interface Scope {
  /** A selector: only what is inside it. */
  within?: string;
  /** Only what axe calls serious or critical. */
  serious?: boolean;
}

/** One line a rule that does not hold, with the elements it names; empty when all is well. */
export async function axeFinds(page: Page, { within, serious = false }: Scope = {}): Promise<string[]> {
  await page.evaluate(async () => {
    const ending = document
      .getAnimations()
      .filter((animation) => Number.isFinite(animation.effect?.getComputedTiming().endTime));
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
  const axe = new AxeBuilder({ page });
  const { violations } = await (within === undefined ? axe : axe.include(within)).analyze();
  return violations
    .filter(({ impact }) => !serious || impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
}
