/** The folder of the studio, seen from its page and from its scripts, at the root of a host and below it. */
import { expect, test } from 'vitest';
import { studioRoot } from './studio_root';

test.each([
  ['https://studio.example/', '/'],
  ['https://studio.example/index.html?a=/b#c=/d/', '/'],
  ['https://studio.example/assets/trainer.worker-a1.js', '/'],
  ['https://someone.example/lora-studio/#settings', '/lora-studio/'],
  ['https://someone.example/lora-studio/index.html', '/lora-studio/'],
  ['https://someone.example/lora-studio/assets/ort.jspi-a1.mjs', '/lora-studio/'],
  ['https://someone.example/lora-studio/sw.js', '/lora-studio/'],
  ['https://someone.example/a/assets/#x', '/a/assets/'],
  ['https://someone.example/assets/assets/x-1.js?worker', '/assets/'],
])('%s: %s', (address, root) => {
  expect(studioRoot(address).href).toBe(new URL(address).origin + root);
});
