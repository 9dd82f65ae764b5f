/** The U-Net's topology: what is read off its shapes, and how its parameters are shared out among blocks. */
import { expect, test } from 'vitest';
import { inferUnet } from './config';
import { sd15 } from './sd1/sd15.testing';
import { sdxlBase } from './sdxl/sdxl.testing';
import { ownsModule, unetBlocks } from './unet';
import { unetShapes } from './unet_shapes';

/** runwayml/stable-diffusion-v1-5's and stabilityai/stable-diffusion-xl-base-1.0's, from their published configurations. */
const SD15 = sd15.unet;
const SDXL = sdxlBase.unet;

test.each([
  ['SD 1.5', SD15, 859_520_964, 59, { heads: 8 }],
  ['SDXL', SDXL, 2_567_463_684, 102, { headSize: 64 }],
] as const)(
  '%s: parameters, blocks, and its configuration read off its own shapes',
  (_, config, parameters, blocks, rule) => {
    const shapes = unetShapes(config);
    const count = [...shapes.values()].reduce(
      (sum, shape) => sum + shape.reduce((product, n) => product * n, 1),
      0,
    );
    expect(count).toBe(parameters);
    expect(unetBlocks(config)).toHaveLength(blocks);
    expect(inferUnet(shapes, rule)).toEqual(config);
  },
);

test.each([SD15, SDXL])(
  'every module but those of time is one block’s, and the skip stack ends empty',
  (config) => {
    const blocks = unetBlocks(config);
    const modules = new Set(
      [...unetShapes(config).keys()].map((name) => name.replace(/\.(weight|bias)$/, '')),
    );
    for (const path of modules) {
      const owners = blocks.filter((block) => ownsModule(block, path)).map(({ name }) => name);
      expect(owners, path).toHaveLength(/^(time|add)_embedding\./.test(path) ? 0 : 1);
    }
    let depth = 0;
    for (const { name, takesSkip, givesSkip } of blocks) {
      if (takesSkip) depth--;
      expect(depth, name).toBeGreaterThanOrEqual(0);
      if (givesSkip) depth++;
    }
    expect(depth).toBe(0);
  },
);

test('a block owns whole names: the tenth transformer block is not the first one’s', () => {
  expect(ownsModule({ owns: ['a.1'] }, 'a.1.b')).toBe(true);
  expect(ownsModule({ owns: ['a.1'] }, 'a.10.b')).toBe(false);
  expect(ownsModule({ owns: ['a.1'] }, 'a.1')).toBe(true);
});
