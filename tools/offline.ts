/**
 * A Vite plugin that writes the service worker, sw.js, with the list of what it stores: everything that was built, and
 * the small files of public/; and with the rules by which it adds headers. What is over `LARGEST` (ONNX's WebAssembly) or belongs to the demo is stored when used.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'vite';
import type { HeaderRule } from '../src/protocol/headers';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LARGEST = 4_000_000;

export function offline(rules: readonly HeaderRule[]): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_, bundle) {
      const version = createHash('sha256');
      const files = [''];
      const built = Object.values(bundle).map(
        (each) => [each.fileName, each.type === 'chunk' ? each.code : each.source] as const,
      );
      for (const [name, content] of [...built, ...publicFiles()].sort(([a], [b]) => (a < b ? -1 : 1))) {
        version.update(name).update(content);
        if (content.length <= LARGEST && isStored(name)) files.push(name);
      }
      const source = await serviceWorker(version.digest('hex').slice(0, 16), files, rules);
      this.emitFile({ type: 'asset', fileName: 'sw.js', source });
    },
  };
}

/** The script. `files`: what it stores, from the studio's root, which is ''. */
export async function serviceWorker(
  version: string,
  files: readonly string[],
  rules: readonly HeaderRule[],
): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'workers/offline.worker.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    minify: true,
    define: {
      STUDIO_VERSION: JSON.stringify(version),
      STUDIO_FILES: JSON.stringify(files),
      STUDIO_RULES: JSON.stringify(rules),
    },
  });
  return outputFiles[0].text;
}

/** index.html is stored as the root; licences and headers are not for the page. */
function isStored(name: string): boolean {
  return !/^(index\.html|_headers|NOTICES\.txt|demo\/.*)$|\.map$/.test(name);
}

function publicFiles(): (readonly [string, Uint8Array])[] {
  const folder = join(ROOT, 'public');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .map((path) => [path.replaceAll('\\', '/'), readFileSync(join(folder, path))] as const);
}
