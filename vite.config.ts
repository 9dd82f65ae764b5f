/**
 * How the page is built and served, and how Vitest runs: `unit` is pure; `kernels` and `golden` compute in Node on Mesa's
 * CPU driver, through Dawn.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { configDefaults, defineConfig } from 'vitest/config';
import { lavapipeIcd, vulkanEnvironment } from './tools/adapters.ts';
import { headersFor } from './src/protocol/headers.ts';
import { pagePolicy, serveHeaders, shippedRules } from './tools/headers.ts';
import { notices } from './tools/notices.ts';
import { offline } from './tools/offline.ts';
import { LongestFirst } from './tools/test_order.ts';

const GOLDEN = 'src/**/*.golden.test.ts';
const UNIT = ['src/**/*.test.ts', 'workers/**/*.test.ts', 'tools/**/*.test.ts'];
/** Those that open a GPU, or start a program that does: minutes, where all others together take one. */
const gpuTests = testsThatSay(/on_every_tier|openDevice|run\.testing|from '\.\/(?:faults|bench)/);

const licences = notices();
const headers = shippedRules();

export default defineConfig({
  // At the root of a host or in a folder of it: the build need not know.
  base: './',
  plugins: [
    svelte({ configFile: false }),
    licences.page,
    pagePolicy(headers),
    offline(headers),
    serveHeaders(headers),
  ],
  // onnxruntime's loaders without a WebAssembly of their own choice: captioning's browser_runtime says which.
  resolve: {
    alias: Object.fromEntries(
      ['wasm', 'jspi'].map((build) => [
        `onnxruntime-web/${build}`,
        fileURLToPath(new URL(`node_modules/onnxruntime-web/dist/ort.${build}.min.mjs`, import.meta.url)),
      ]),
    ),
  },
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  worker: { format: 'es', plugins: () => [licences.worker()] },
  build: {
    target: 'es2023',
    // Nothing as data: URL, so that the content security policy can stay strict; no polyfill, every WebGPU browser preloads.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The tensor engine alone is over Vite's default of 500 kB.
    chunkSizeWarningLimit: 3000,
  },
  // In development Vite injects styles and a socket, which the strict policy forbids: only the isolation headers.
  server: { headers: pick(headersFor('/', headers), /^Cross-Origin-/) },
  test: {
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      project('unit', UNIT, [GOLDEN, ...gpuTests]),
      project('kernels', gpuTests, []),
      project('golden', [GOLDEN], []),
    ],
  },
});

function testsThatSay(pattern: RegExp): string[] {
  return ['src', 'workers', 'tools']
    .flatMap((room) =>
      readdirSync(room, { recursive: true, encoding: 'utf8' }).map(
        (path) => `${room}/${path.replaceAll('\\', '/')}`,
      ),
    )
    .filter((path) => /(?<!\.golden)\.test\.ts$/.test(path) && pattern.test(readFileSync(path, 'utf8')));
}

function project(name: string, include: string[], exclude: string[]) {
  return {
    extends: true as const,
    test: {
      name,
      include,
      exclude: [...configDefaults.exclude, ...exclude],
      environment: 'node' as const,
      // A GPU device is a process's own: threads would share one driver.
      pool: 'forks' as const,
      // Against hanging, not a measure: fifty steps take two minutes in software on a machine that does other things too.
      testTimeout: 600_000,
      hookTimeout: 600_000,
      env: vulkanEnvironment(lavapipeIcd()),
      setupFiles: [fileURLToPath(new URL('tools/vitest_setup.ts', import.meta.url))],
    },
  };
}

function pick(headers: Record<string, string>, names: RegExp): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.test(name)));
}
