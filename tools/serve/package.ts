/**
 * Makes the package that `npx lora-studio` runs, from the built page: dist-package/, with the page, a server of one file
 * and a package.json without dependencies. The repository's own package.json stays private: what it lists is for
 * building, and 400 MB and more that nobody needs who only opens the page. `npm run package` packs it; `npm publish ./dist-package`
 * publishes it.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Writes the package to `folder`, which is emptied before. `dist/` has to be built. */
export async function writePackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), {
    recursive: true,
    filter: (path) => !path.endsWith('.map'),
  });
  await build({
    entryPoints: [join(ROOT, 'tools/serve/lora_studio.ts')],
    outfile: join(folder, 'lora-studio.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: '#!/usr/bin/env node' },
    logLevel: 'warning',
  });
  for (const file of ['LICENSE', 'NOTICES.md']) cpSync(join(ROOT, file), join(folder, file));
  writeFileSync(join(folder, 'README.md'), README);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
}

/** Packs it as npm does, into `to`; gives the path of the archive. */
export function pack(folder: string, to: string): string {
  mkdirSync(to, { recursive: true });
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', to], {
      cwd: folder,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    }),
  ) as { filename: string }[];
  return join(to, filename);
}

const README = `# LoRA Studio

    npx lora-studio

opens the studio on this machine: it trains LoRAs for Stable Diffusion 1.x, 2.x and SDXL in a browser tab, on your own GPU. Nothing is
uploaded; the server listens on the loopback interface only. \`--port\` names another port, \`--no-open\` opens no browser.
`;

function manifest() {
  const { name, version, description, license, engines } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Record<string, unknown>;
  return {
    ...{ name, version, description, license, engines },
    type: 'module',
    bin: { 'lora-studio': 'lora-studio.js' },
    files: ['dist', 'lora-studio.js', 'NOTICES.md'],
    keywords: ['lora', 'stable-diffusion', 'webgpu', 'training'],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = join(ROOT, 'dist-package');
  await writePackage(folder);
  console.log(pack(folder, folder));
}
