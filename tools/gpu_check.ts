/**
 * `npm run gpu`: for a machine with a GPU that is had for ten minutes. Whether kernels and training are right on every tier
 * of its adapter, then how fast, as JSON on standard output. BENCHMARKS.md says what to do with it; gpu_check/pack.ts makes
 * of it what a bare machine needs. SIGINT and SIGTERM end it with what is there.
 */
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWithParent } from './command';
import { installWebGpu } from './dawn';
import { openSource } from './files';
import { gpuCheck, type GpuReport } from './gpu_check/check';
import { GpuUsageError, parseOptions, USAGE } from './gpu_check/options';

/** From tools/, and from dist-tools/ where this lies as one file. */
const GOLDEN = join(dirname(fileURLToPath(import.meta.url)), '..', 'reference', 'golden');

let report: GpuReport | undefined;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (!options) {
    console.log(USAGE);
    return 0;
  }
  // The Vulkan loader complains on standard output without it.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  installWebGpu();
  const { passed } = await gpuCheck(options, {
    golden: (file) => openSource(join(GOLDEN, file)),
    progress: (line) => console.error(line),
    begun: (begun) => (report = begun),
  });
  await print();
  return passed ? 0 : 1;
}

/** Whole, also into a pipe, which an exit would cut short. */
async function print(): Promise<void> {
  if (report) await new Promise((done) => process.stdout.write(`${JSON.stringify(report, null, 1)}\n`, done));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void print().then(() => process.exit(130)));

endWithParent();
main().then(
  // Dawn's threads would keep the process alive.
  (status) => process.exit(status),
  (error: unknown) => {
    const usage = error instanceof GpuUsageError;
    console.error(usage ? `${error.message}\n\n${USAGE}` : error);
    void print().then(() => process.exit(usage ? 2 : 1));
  },
);
