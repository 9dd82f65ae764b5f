/**
 * A tool as one file: bundles tools/<name>.ts into dist-tools/<name>.mjs. The file needs nothing beside it but the
 * packages `webgpu`, `sharp` and `onnxruntime-web`, so it can be carried to a machine with a GPU.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const TOOLS = dirname(fileURLToPath(import.meta.url));

/** Gives the path of the bundled file; undefined where there is no such tool. `outfile` names another place for it. */
export async function bundle(
  name: string,
  outfile = join(TOOLS, '..', 'dist-tools', `${name}.mjs`),
): Promise<string | undefined> {
  const entry = join(TOOLS, `${name}.ts`);
  if (!existsSync(entry)) return undefined;
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
  return outfile;
}
