/** Runs every kernel case in this worker (of `?every=N` every N-th), on the tier asked for by `?tier=`, else on the adapter's best. */
import { cases } from '../src/kernels/all.cases';
import type { Tier } from '../src/kernels/device';
import { closeDevice, openDevice } from '../src/kernels/device';
import { GPU_TILES, setTile, sliceThreads, slicesOf } from '../src/kernels/gemm/tile';
import type { WorkerMessage } from './browser_worker';
import { runCase, type CaseResult } from './run_cases';

export interface KernelResults {
  tier: Tier;
  adapter: string;
  cases: CaseResult[];
  /** Errors the device reported outside any promise. */
  gpuErrors: string[];
}

const post = (message: WorkerMessage<KernelResults>) => postMessage(message);

async function runAll(): Promise<KernelResults> {
  const asked = new URLSearchParams(location.search);
  const tier = (asked.get('tier') ?? undefined) as Tier | undefined;
  const every = Number(asked.get('every') ?? 1);
  const chosen = cases.filter((_, i) => i % every === 0);
  const gpu = await openDevice({ tier });
  // Firefox does not tell what adapter it has: a CPU's gets a GPU's tiles, and takes minutes over those of many threads.
  if (!gpu.software) setTile(GPU_TILES.find((tile) => sliceThreads(tile) === 64 && slicesOf(tile) === 1));
  const results: CaseResult[] = [];
  for (const one of chosen) {
    const result = await runCase(one);
    results.push(result);
    post({ progress: `${results.length}/${chosen.length} ${one.name} (${result.ms} ms)` });
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
