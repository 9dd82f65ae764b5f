/**
 * Kernels under the browsers' own shader compilers: Firefox's naga on Mesa's CPU driver, Chromium's Tint on SwiftShader. Every
 * case in Firefox; of Chromium, whose compiler is the one that Node has and every case meets there, a third.
 * Playwright only counts: puppeteer-core drives.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { runInWorker } from '../tools/browser_worker';
import { runKernels } from '../tools/firefox_kernels';
import type { HalfResult } from '../tools/half_worker';
import { complaints } from '../tools/run_cases';

test('a worker in Firefox has an adapter with shader-f16 and computes with it', async () => {
  const worker = fileURLToPath(new URL('../tools/half_worker.ts', import.meta.url));
  const { features, halves } = await runInWorker<HalfResult>('firefox', worker, { timeoutMs: 60_000 });
  expect(features).toContain('shader-f16');
  expect(halves).toEqual([1024, 1024, 1025, 1026]);
});

for (const [browser, tier, every] of [
  ['firefox', 'f32', 1],
  ['firefox', 'f16', 1],
  ['chromium', 'f32', 3],
] as const) {
  test(`every kernel gives the right values in a worker in ${browser}, tier ${tier}`, async () => {
    // Compiling alone takes minutes where the machine is busy: Mesa's and SwiftShader's compilers are not quick.
    test.setTimeout(1_500_000);
    const results = await runKernels(browser, tier, {
      every,
      timeoutMs: 1_490_000,
      onProgress: (line) => console.log(line),
    });
    expect(results.tier).toBe(tier);
    expect(results.cases.length).toBeGreaterThan(150 / every);
    expect(results.cases.flatMap(complaints)).toEqual([]);
    expect(results.gpuErrors).toEqual([]);
  });
}
