/** What a failure is called where the device went: before it, a moment after it, and where nobody says so. */
import { expect, test } from 'vitest';
import { DeviceLostError, DeviceWatch } from './device_lost';

async function* failing(error: Error): AsyncGenerator<number> {
  yield await Promise.resolve(1);
  throw error;
}

async function through(watch: DeviceWatch, events: AsyncIterable<number>, asked = new AbortController()) {
  const seen: number[] = [];
  for await (const event of watch.over(events, asked.signal)) seen.push(event);
  return seen;
}

const aborted = () => new DOMException('the device is gone', 'AbortError');

test('a failure whose loss is heard of a moment later is that loss', async () => {
  const watch = new DeviceWatch();
  setTimeout(() => watch.onLost('it fell off the bus'), 50);
  const error = await through(watch, failing(new TypeError('of undefined'))).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(DeviceLostError);
  expect((error as Error).message).toBe(
    'The GPU was lost (it fell off the bus). Resume from the last checkpoint.',
  );
});

test('no event comes through once the device is lost', async () => {
  const watch = new DeviceWatch();
  watch.onLost('gone');
  async function* all() {
    yield await Promise.resolve(1);
    yield 2;
  }
  await expect(through(watch, all())).rejects.toThrow(DeviceLostError);
});

test('what waits on a device is aborted with it; a run that was asked to stop is not lost', async () => {
  await expect(through(new DeviceWatch(), failing(aborted()))).rejects.toThrow(DeviceLostError);
  const asked = new AbortController();
  asked.abort();
  await expect(through(new DeviceWatch(), failing(aborted()), asked)).rejects.toThrow('the device is gone');
  await expect(through(new DeviceWatch(), failing(new Error('no memory')))).rejects.toThrow('no memory');
});
