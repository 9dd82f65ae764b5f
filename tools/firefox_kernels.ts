/**
 * Runs every kernel's cases in a worker of a real browser: in Firefox another WGSL compiler (naga) has to accept
 * and agree. Alone: `npx tsx tools/firefox_kernels.ts [firefox|chromium] [tier]` prints every deviation.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { KernelResults } from './kernels_worker';
import { runInWorker, type RunOptions } from './browser_worker';
import type { BrowserName } from './browsers';
import { complaints } from './run_cases';

const WORKER = join(dirname(fileURLToPath(import.meta.url)), 'kernels_worker.ts');

/** Without `tier`, the best that the browser's adapter has; of the cases every `every`-th. JSON has no Infinity: such an error arrives as null. */
export function runKernels(
  browser: BrowserName,
  tier?: string,
  { every = 1, ...options }: RunOptions & { every?: number } = {},
): Promise<KernelResults> {
  const query = new URLSearchParams({ ...(tier ? { tier } : {}), every: String(every) }).toString();
  return runInWorker<KernelResults>(browser, WORKER, { ...options, query });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [browser = 'firefox', tier] = process.argv.slice(2);
  if (browser !== 'firefox' && browser !== 'chromium') throw new Error(`No such browser: '${browser}'.`);
  const results = await runKernels(browser, tier, { onProgress: (line) => console.error(line) });
  console.log(JSON.stringify(results, null, 2));
  const wrong = [...results.cases.flatMap(complaints), ...results.gpuErrors];
  for (const sentence of wrong) console.error(sentence);
  process.exit(wrong.length === 0 && results.cases.length > 0 ? 0 : 1);
}
