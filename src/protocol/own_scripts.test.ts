/** Which addresses pass as a script: what was built, and nothing beside it. */
import { expect, test } from 'vitest';
import { ownScript } from './own_scripts';

const BASE = 'https://studio.example/#images';

test.each(['/assets/trainer.worker-a1.js', 'https://studio.example/assets/ort-x.jspi-b.mjs', '/sw.js'])(
  '%s passes as it is',
  (address) => expect(ownScript(address, BASE)).toBe(address),
);

test.each([
  'https://elsewhere.example/assets/a.js',
  '//elsewhere.example/assets/a.js',
  '/assets/../demo/a.js',
  '/assets/a.json',
  '/assets/deep/a.js',
  '/demo/base.safetensors',
  'data:text/javascript,1',
  'blob:https://studio.example/5d0f',
  'javascript:1',
])('%s is refused', (address) => expect(() => ownScript(address, BASE)).toThrow('no script of the studio'));
