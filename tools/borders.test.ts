import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, test } from 'vitest';
import { FOLDERS, objection } from './borders.js';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

describe('the borders, through ESLint and the real configuration', () => {
  // The files are made up: the compiler, which other rules ask, does not know them.
  const eslint = new ESLint({ cwd: root, overrideConfig: tseslint.configs.disableTypeChecked });
  const borderErrors = async (filePath: string, code: string) => {
    const results = await eslint.lintText(code, { filePath });
    return results.flatMap((r) => r.messages).filter((m) => m.ruleId === 'borders/rooms' && m.severity === 2);
  };

  test.each([
    [
      'src/kernels/linear/linear.ts',
      `export { unet } from '../../models/unet';`,
      "'kernels' may not import 'models'",
    ],
    [
      'src/ui/training/panel.ts',
      `import * as tf from '@tensorflow/tfjs'; tf.dispose();`,
      "the package '@tensorflow/tfjs'",
    ],
    [
      'src/formats/kohya.ts',
      `import { defaults } from '../protocol/job'; defaults();`,
      "write 'import type'",
    ],
    ['src/models/unet.ts', `export const load = () => import('node:fs');`, "the package 'node:fs'"],
    ['src/utils/misc.ts', `import { a } from './b'; a();`, "'utils' is not a room"],
  ])('refuses %s: %s', async (file, code, reason) => {
    const errors = await borderErrors(file, code);
    expect(errors.map((e) => e.message)).toEqual([expect.stringContaining(reason)]);
  });

  test('refuses in a Svelte component', async () => {
    const code = `<script lang="ts">\n  import { unet } from '../../models/unet';\n  unet();\n</script>\n`;
    expect(await borderErrors('src/ui/training/Panel.svelte', code)).toHaveLength(1);
  });

  test('lets what ARCHITECTURE.md allows pass', async () => {
    const code = `import type { Job } from '../../protocol/job';\nimport { unet } from '../../models/unet';\nexport const run = (job: Job) => unet(job);\n`;
    expect(await borderErrors('src/training/loop/train.ts', code)).toEqual([]);
  });
});

describe('objection', () => {
  test.each([
    ['src/main.ts', './App.svelte'],
    ['src/main.ts', 'svelte'],
    ['src/ui/start/b.ts', '../../protocol/trainer'],
    ['src/ui/start/Start.svelte', '../project/base_model.svelte'],
    ['src/ui/start/b.test.ts', '../results/messages'],
    ['src/App.svelte', './ui/shell/Rail.svelte'],
    ['src/training/loop/train.ts', '../step/step'],
    ['workers/trainer.worker.ts', '../src/training/loop/train'],
    ['src/training/data/latents.ts', '../../formats/safetensors/safetensors'],
    ['src/captioning/compose.ts', '../formats/captions'],
    ['src/formats/config/config.ts', 'yaml'],
    ['src/formats/config/config.test.ts', 'node:fs'],
    ['src/formats/config/config.test.ts', '../../kernels/testing'],
    ['src/kernels/linear/linear.cases.ts', '../testing'],
    ['src/kernels/on_every_tier.ts', 'vitest'],
    ['src/models/unet.golden.test.ts', '../kernels/on_every_tier'],
    ['tools/train.ts', '../src/training/loop/train'],
    ['vite.config.ts', './tools/adapters'],
  ])('%s may import %s', (from, specifier) => {
    expect(objection(from, specifier, false)).toBeUndefined();
  });

  test.each([
    ['src/formats/config/config.ts', '../../kernels/testing'],
    ['src/formats/config/config.ts', 'node:fs'],
    ['src/formats/config/config.test.ts', '../../kernels/device'],
    ['src/kernels/device.ts', 'webgpu'],
    ['src/ui/start/StartScreen.svelte', '../results/messages'],
    ['src/ui/figures.ts', './runs/run.svelte'],
    ['src/ui/new_screen/a.ts', '../figures'],
    ['src/training/step/step.ts', '../loop/train'],
    ['src/formats/safetensors/safetensors.ts', '../lora/kohya_lora'],
    ['src/storage/files.ts', '../protocol/job'],
    ['src/storage/files.ts', 'idb-keyval-but-not'],
    ['tools/train.ts', '../src/ui/charts/loss'],
    ['workers/trainer.worker.ts', '../src/models/unet'],
  ])('%s may not import %s', (from, specifier) => {
    expect(objection(from, specifier, false)).toEqual(expect.any(String));
  });
});

test('no folder of a room is both above and below another', () => {
  for (const [room, folders] of Object.entries(FOLDERS)) {
    const below = (folder: string, way: readonly string[]): void => {
      expect(way, `a circle in ${room}`).not.toContain(folder);
      for (const next of folders[folder] ?? []) below(next, [...way, folder]);
    };
    for (const folder of Object.keys(folders)) below(folder, []);
  }
});
