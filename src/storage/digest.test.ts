/** Digests of files against Node's own. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf } from './digest';

test.each([0, 1, 5 * 2 ** 20 + 3])('of %d bytes', async (length) => {
  const bytes = new Uint8Array(length).map((_, i) => (i * 7919) % 251);
  const seen: number[] = [];
  const digest = await digestOf(new Blob([bytes]), (done) => seen.push(done));
  expect(digest).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(seen.at(-1) ?? 0).toBe(length);
});
