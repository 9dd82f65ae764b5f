/** Which addresses pass as a script: what was built, and nothing beside it. */
import { expect, test } from 'vitest';
import { ownScript } from './own_scripts';

const BASE = 'https://studio.example/#images';

test.each(['/assets/trainer.worker-a1.js', 'https://studio.example/assets/ort-x.jspi-b.mjs', '/sw.js'])(
  '%s passes as it is',
  (address) => expect(ownScript(address, BASE)).toBe(address),
);

test('below the root of a host, those of its own folder pass, for the page and for a worker', () => {
  const page = 'https://someone.example/lora-studio/#images';
  const worker = 'https://someone.example/lora-studio/assets/captioner.worker-a1.js';
  for (const from of [page, worker]) {
    for (const own of ['/lora-studio/assets/a-1.js', 'https://someone.example/lora-studio/sw.js'])
      expect(ownScript(own, from)).toBe(own);
    for (const other of [
      '/assets/a-1.js',
      '/sw.js',
      '/lora-studio-2/assets/a.js',
      '/lora-studio/../assets/a.js',
    ])
      expect(() => ownScript(other, from)).toThrow('no script of the studio');
  }
  expect(ownScript('./assets/a-1.js', page)).toBe('./assets/a-1.js');
});

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
