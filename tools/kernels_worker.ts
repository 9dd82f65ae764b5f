/** Runs every kernel case in this worker, on the tier asked for by `?tier=`, else on the adapter's best. */
import { cases } from '../src/kernels/all.cases';
import type { Tier } from '../src/kernels/device';
import { closeDevice, openDevice } from '../src/kernels/device';
import type { Comparison } from '../src/kernels/testing';
import type { WorkerMessage } from './browser_worker';

export interface KernelResults {
  tier: Tier;
  adapter: string;
  cases: CaseResult[];
  /** Errors the device reported outside any promise. */
  gpuErrors: string[];
}

export interface CaseResult {
  name: string;
  ms: number;
  comparisons: Comparison[];
  /** What was thrown, for example the compiler's message. */
  error?: string;
}

const post = (message: WorkerMessage<KernelResults>) => postMessage(message);

async function runAll(): Promise<KernelResults> {
  const tier = (new URLSearchParams(location.search).get('tier') ?? undefined) as Tier | undefined;
  const gpu = await openDevice({ tier });
  const results: CaseResult[] = [];
  for (const { name, run } of cases) {
    const started = performance.now();
    try {
      results.push({ name, ms: 0, comparisons: await run() });
    } catch (error) {
      results.push({ name, ms: 0, comparisons: [], error: String(error) });
    }
    const result = results[results.length - 1];
    result.ms = Math.round(performance.now() - started);
    post({ progress: `${results.length}/${cases.length} ${name} (${result.ms} ms)` });
  }
  const answer = {
    tier: gpu.tier,
    adapter: gpu.adapter.description || gpu.adapter.device || gpu.adapter.vendor || 'unnamed',
    cases: results,
    gpuErrors: [...gpu.errors],
  };
  closeDevice();
  return answer;
}

runAll().then(
  (result) => post({ result }),
  (error: unknown) => post({ failure: String(error) }),
);
