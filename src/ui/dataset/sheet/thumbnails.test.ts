import { afterEach, expect, it, vi } from 'vitest';
import { Thumbnails } from './thumbnails';

afterEach(() => vi.restoreAllMocks());

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

function counted() {
  const live = new Set<string>();
  let made = 0;
  vi.spyOn(URL, 'createObjectURL').mockImplementation(() => {
    const url = `blob:${made++}`;
    live.add(url);
    return url;
  });
  vi.spyOn(URL, 'revokeObjectURL').mockImplementation((url) => void live.delete(url));
  return live;
}

it('shows a thumbnail to all who hold it, and reads it once', async () => {
  counted();
  const read = vi.fn(async () => new Blob(['x']));
  const cache = new Thumbnails(read);
  const shown: string[] = [];
  cache.hold('a', (url) => shown.push(url));
  cache.hold('a', (url) => shown.push(url));
  await settled();
  cache.hold('a', (url) => shown.push(url));
  expect(shown).toEqual(['blob:0', 'blob:0', 'blob:0']);
  expect(read).toHaveBeenCalledTimes(1);
});

it('reads few at a time, and not what has gone out of sight', async () => {
  counted();
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const cache = new Thumbnails((id) => {
    asked.push(id);
    return new Promise((resolve) => answers.push(() => resolve(new Blob(['x']))));
  });
  const lets = Array.from({ length: 20 }, (_, i) => cache.hold(String(i), () => undefined));
  expect(asked).toHaveLength(6);
  lets.forEach((let_go) => let_go());
  answers.forEach((answer) => answer());
  await settled();
  expect(asked).toHaveLength(6);
});

it('revokes the oldest out of sight, never one in sight', async () => {
  const live = counted();
  const cache = new Thumbnails(async () => new Blob(['x']));
  cache.hold('kept', () => undefined);
  for (let i = 0; i < 1000; i++) {
    const letGo = cache.hold(String(i), () => undefined);
    if (i % 6 === 5) await settled();
    else await Promise.resolve();
    if (i % 2) letGo();
    else setTimeout(letGo, 2);
  }
  await settled();
  expect(live.size).toBeLessThanOrEqual(400);
  expect(live.has('blob:0')).toBe(true);
  cache.clear();
  expect([...live]).toEqual(['blob:0']);
});

it('a thumbnail that cannot be read leaves its place empty', async () => {
  counted();
  const cache = new Thumbnails(async () => {
    throw new Error('gone');
  });
  const show = vi.fn();
  cache.hold('a', show);
  await settled();
  expect(show).not.toHaveBeenCalled();
});
