/** The queue of pictures to draw, with a trainer made of promises in the worker's place. */
import { beforeEach, expect, it, vi } from 'vitest';
import type { DrawEvent, DrawRequest } from '../../protocol/trainer';
import type { BaseModelRef } from '../../storage/projects';
import { wanted, type SamplingSettings, type NamedLora } from './combine';
import { drawing } from './drawing.svelte';

type Follow = (event: DrawEvent) => Promise<void>;
const asked: DrawRequest[] = [];
let answer: (request: DrawRequest, follow: Follow) => Promise<void>;
let stops = 0;

vi.mock('../engine/trainer_worker', () => ({
  withTrainer: (work: (trainer: unknown) => Promise<unknown>) =>
    work({
      draw: (request: DrawRequest, follow: Follow) => {
        asked.push(request);
        return answer(request, follow);
      },
      ask: () => {
        stops += 1;
        return Promise.resolve();
      },
    }),
}));
vi.mock('../engine/open_base', () => ({ openBase: () => Promise.resolve([new Blob(['base'])]) }));

const base: BaseModelRef = { name: 'tiny', byteLength: 4, kind: 'x', where: { in: 'demo' } };
const sampling: SamplingSettings = {
  base: 'tiny',
  negative: '',
  width: 64,
  height: 64,
  steps: 2,
  guidance: 7,
  sampler: 'ddim',
  clipSkip: 1,
  vPrediction: false,
  zeroTerminalSnr: false,
};
const lora = (id: string): NamedLora => ({ id, name: id, file: new Blob([id]), own: true });
const cell = (words: string, id = 'a') => wanted(words, 42, [{ ...lora(id), weight: 1 }], sampling);
const abort = () => Object.assign(new Error('aborted'), { name: 'AbortError' });

async function drawAll(request: DrawRequest, follow: Follow): Promise<void> {
  for (const [picture, { width, height }] of request.pictures.entries()) {
    await follow({ kind: 'progress', picture, done: 1, total: 2 });
    await follow({
      kind: 'picture',
      picture,
      width,
      height,
      rgba: new Uint8ClampedArray(4 * width * height),
    });
  }
}

beforeEach(() => {
  drawing.clear();
  asked.length = 0;
  stops = 0;
  answer = drawAll;
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('i n\n')));
  vi.stubGlobal('ImageData', function image(this: { width: number }, _: unknown, width: number) {
    this.width = width;
  });
  vi.stubGlobal(
    'OffscreenCanvas',
    class {
      getContext = () => ({ putImageData: () => undefined });
      convertToBlob = () => Promise.resolve(new Blob(['png']));
    },
  );
});

const idle = () => vi.waitFor(() => expect(drawing.now.state).toBe('idle'));

it('draws what shares its LoRAs in one request, each picture once, and keeps it', async () => {
  drawing.draw([cell('x'), cell('y'), cell('x'), cell('z', 'b')], base);
  await idle();
  expect(asked.map(({ pictures }) => pictures.map(({ prompt }) => prompt))).toEqual([['x', 'y'], ['z']]);
  expect(drawing.pictures.size).toBe(3);
  drawing.draw([cell('x')], base);
  await idle();
  expect(asked).toHaveLength(2);
});

it('a stop empties the queue and is no failure; what is asked for afterwards is drawn', async () => {
  let end: (error: Error) => void = () => undefined;
  answer = async (request, follow) => {
    await follow({ kind: 'progress', picture: 0, done: 1, total: request.pictures[0].steps });
    await new Promise<void>((_, reject) => (end = reject));
  };
  drawing.draw([cell('x'), cell('y', 'b')], base);
  await vi.waitFor(() => expect(drawing.now).toMatchObject({ state: 'drawing', done: 1, total: 2 }));
  drawing.stop();
  expect([drawing.waiting.length, stops]).toEqual([0, 1]);
  answer = drawAll;
  drawing.draw([cell('z')], base);
  end(abort());
  await idle();
  expect(drawing.failure).toBeUndefined();
  expect([...drawing.pictures.keys()]).toEqual([cell('z').key]);
});

it('says why a picture failed, gives the queue up, and tries again when asked', async () => {
  answer = () => Promise.reject(new Error('The GPU was lost.'));
  drawing.draw([cell('x'), cell('y', 'b')], base);
  await idle();
  expect([drawing.failure, drawing.waiting.length, asked.length]).toEqual(['The GPU was lost.', 0, 1]);
  answer = drawAll;
  drawing.draw([cell('x')], base);
  expect(drawing.failure).toBeUndefined();
  await idle();
  expect(drawing.pictures.size).toBe(1);
});

it('samples from training count as drawn', async () => {
  drawing.add(cell('x').key, new Blob(['png']), 64, 64);
  drawing.draw([cell('x')], base);
  await idle();
  expect(asked).toHaveLength(0);
  expect(drawing.pictures.get(cell('x').key)).toMatchObject({ sample: true, width: 64 });
});
