/**
 * Runs one of the tools from a single bundled file: `tsx tools/run.ts bench --size 512` bundles tools/bench.ts into
 * dist-tools/bench.mjs and runs it. The file needs nothing beside it but the package `webgpu`, so it can be carried to
 * a machine with a GPU. Which Vulkan driver is found is the environment's choice, as for any program.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const TOOLS = dirname(fileURLToPath(import.meta.url));
const [name, ...args] = process.argv.slice(2);
const entry = join(TOOLS, `${name}.ts`);
if (!name || !existsSync(entry)) {
  console.error(`There is no tool '${name ?? ''}': tools/ has no ${name ?? '<name>'}.ts.`);
  process.exit(2);
}

const outfile = join(TOOLS, '..', 'dist-tools', `${name}.mjs`);
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // The ES modules of tfjs, so that there is one copy of its core; its `main` files bring a copy each.
  mainFields: ['module', 'main'],
  external: ['webgpu', 'sharp', 'onnxruntime-web'],
  sourcemap: true,
  logLevel: 'warning',
  // What is left of CommonJS in the bundle asks for `require`.
  banner: {
    js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);",
  },
});
const { status } = spawnSync(process.execPath, ['--enable-source-maps', outfile, ...args], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
