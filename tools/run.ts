/**
 * Runs one of the tools from a single bundled file: `npm run bench -- --size 512` bundles tools/bench.ts and runs
 * it. Signals go on to the tool, and this process lives until the tool has ended, with its status: it is what npm waits
 * for. Which Vulkan driver is found is the environment's choice, as for any program.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { bundle } from './bundle';

const [name, ...args] = process.argv.slice(2);
const file = name ? await bundle(name) : undefined;
if (!name || !file) {
  console.error(`There is no tool '${name ?? ''}': tools/ has no ${name ?? '<name>'}.ts.`);
  process.exit(2);
}

// Nothing is said in the channel: it tells the tool when this process is gone (command.ts).
// Blobs of files on disk are called experimental in Node 20, once a run.
const options = ['--enable-source-maps', '--disable-warning=ExperimentalWarning'];
const tool = spawn(process.execPath, [...options, file, ...args], {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
});
// From a terminal the tool gets SIGINT twice or three times for one press: from it, from npm and from here. It counts them as one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => tool.kill(signal));
// npm passes SIGTERM on to its shell alone, which dies and tells nobody.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  tool.kill('SIGTERM');
}, 250);
tool.on('error', (error) => {
  console.error(`The tool cannot be started: ${error.message}`);
  process.exit(1);
});
tool.on('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
