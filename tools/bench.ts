/**
 * `npm run bench`: what this machine's adapter makes of the kernels and of a training step, as JSON on standard output.
 * Bundled into one file (run.ts) that needs only the package `webgpu` beside it. BENCHMARKS.md says what the numbers mean.
 */
import { tmpdir } from 'node:os';
import { BenchUsageError, parseOptions, USAGE } from './bench/options';
import { planStep } from './bench/plan_step';
import { bench } from './bench/report';
import { endWithParent } from './command';
import { installWebGpu } from './dawn';

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (!options) {
    console.log(USAGE);
    return;
  }
  // The Vulkan loader complains on standard output without it.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  installWebGpu();
  const say = (line: string) => console.error(line);
  const report = options.card ? await planStep(options, options.card, say) : await bench(options, say);
  // Waits for the pipe: the exit below would cut it short.
  await new Promise((written) => process.stdout.write(`${JSON.stringify(report, null, 2)}\n`, written));
}

endWithParent();
main().then(
  // Dawn's threads would keep the process alive.
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof BenchUsageError ? `${error.message}\n\n${USAGE}` : error);
    process.exit(error instanceof BenchUsageError ? 2 : 1);
  },
);
