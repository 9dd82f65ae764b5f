/** The pace at which the page is told, and that a stop comes through between two layers. */
import { afterEach, expect, test, vi } from 'vitest';
import { paced } from './tools';

afterEach(() => void vi.restoreAllMocks());

test('told at first, then now and then, and always at the end', async () => {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const told: number[] = [];
  const step = paced((done) => void told.push(done), new AbortController().signal);
  for (let done = 0; done <= 10; done++) {
    await step(done, 10);
    now += 25;
  }
  expect(told).toEqual([0, 3, 6, 9, 10]);
});

test('a stop that comes with an answer of the page ends it with that reason', async () => {
  const stop = new AbortController();
  const step = paced(() => stop.abort(), stop.signal);
  await expect(step(0, 10)).rejects.toMatchObject({ name: 'AbortError' });
});
