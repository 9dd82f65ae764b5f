/** Which model a project has: the demo's CLIP for the sample sets' pictures alone, else one that was got or added. */
import '../../storage/fake_indexeddb.testing';
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { beforeEach, expect, test, vi } from 'vitest';
import { putCaptioner } from '../../storage/captioners';
import type { Picture } from '../../storage/pictures';
import { dataset } from '../pictures/dataset.svelte';
import { studio } from '../studio.svelte';
import { captionModels } from './models.svelte';

const demo = new URL('../../../public/demo/', import.meta.url);
const sets = readFileSync(new URL('sets.json', demo), 'utf8');
const digestOf = (path: string) =>
  createHash('sha256')
    .update(readFileSync(new URL(path, demo)))
    .digest('hex');

beforeEach(async () => {
  vi.stubGlobal('localStorage', undefined);
  vi.spyOn(globalThis, 'fetch').mockImplementation(() => Promise.resolve(new Response(sets)));
  studio.change({ captions: {} });
  await captionModels.ask();
});

test('The demo’s CLIP for pictures of the sample sets, whatever they are called', () => {
  dataset.pictures = [];
  expect(captionModels.chosen).toBeUndefined();
  dataset.pictures = [
    picture('a.png', digestOf('woodcut/img01.png')),
    picture('b.png', digestOf('kiko/img30.png')),
  ];
  expect([captionModels.demoFits, captionModels.chosen]).toEqual([true, 'demo']);
});

test('Not for one’s own, even if it was chosen before they came', () => {
  dataset.pictures = [picture('a.png', digestOf('woodcut/img01.png'))];
  captionModels.choose('demo');
  expect(captionModels.chosen).toBe('demo');
  dataset.pictures = [...dataset.pictures, picture('meadow.jpg', 'ab'.repeat(32))];
  expect([captionModels.demoFits, captionModels.chosen]).toEqual([false, undefined]);
  dataset.pictures = dataset.pictures.map((each) =>
    each.name === 'meadow.jpg' ? { ...each, aside: 'by-hand' } : each,
  );
  expect(captionModels.chosen).toBe('demo');
});

test('One that was chosen holds for all pictures and for projects to come', async () => {
  await putCaptioner({ key: 'k', kind: 'clip', name: 'CLIP', files: [], addedAt: 1 });
  await captionModels.ask();
  dataset.pictures = [picture('meadow.jpg', 'ab'.repeat(32))];
  captionModels.choose('k');
  expect(captionModels.chosen).toBe('k');
  studio.change({ captions: {} });
  expect(captionModels.chosen).toBe('k');
  dataset.pictures = [picture('a.png', digestOf('woodcut/img01.png'))];
  expect(captionModels.chosen).toBe('demo');
  captionModels.choose('k');
  expect(captionModels.chosen).toBe('k');
});

function picture(name: string, digest: string): Picture {
  return {
    id: name,
    project: 'p',
    order: 0,
    name,
    width: 128,
    height: 128,
    byteLength: 1,
    type: 'image/png',
    digest,
    look: '0'.repeat(16),
    caption: '',
    repeats: 1,
    focus: [0.5, 0.5],
  };
}
