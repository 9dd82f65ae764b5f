/**
 * A Vite plugin that writes the service worker, sw.js, with the list of what it stores: everything that was built, and
 * the small files of public/. What is over `LARGEST` (ONNX's WebAssembly) or belongs to the demo is stored when used.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import type { Plugin } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LARGEST = 4_000_000;

export function offline(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_, bundle) {
      const version = createHash('sha256');
      const files = ['/'];
      const built = Object.values(bundle).map(
        (each) => [each.fileName, each.type === 'chunk' ? each.code : each.source] as const,
      );
      for (const [name, content] of [...built, ...publicFiles()].sort(([a], [b]) => (a < b ? -1 : 1))) {
        version.update(name).update(content);
        if (content.length <= LARGEST && isStored(name)) files.push(`/${name}`);
      }
      const source = readFileSync(join(ROOT, 'workers/offline.worker.ts'), 'utf8');
      const { code } = await transform(source, {
        loader: 'ts',
        format: 'iife',
        minify: true,
        define: {
          STUDIO_VERSION: JSON.stringify(version.digest('hex').slice(0, 16)),
          STUDIO_FILES: JSON.stringify(files),
        },
      });
      this.emitFile({ type: 'asset', fileName: 'sw.js', source: code });
    },
  };
}

/** index.html is stored as `/`; licences and headers are not for the page. */
function isStored(name: string): boolean {
  return !/^(index\.html|_headers|NOTICES\.txt|demo\/.*)$|\.map$/.test(name);
}

function publicFiles(): (readonly [string, Uint8Array])[] {
  const folder = join(ROOT, 'public');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .map((path) => [path.replaceAll('\\', '/'), readFileSync(join(folder, path))] as const);
}
