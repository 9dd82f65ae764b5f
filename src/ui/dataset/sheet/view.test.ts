import { afterEach, expect, test } from 'vitest';
import type { Picture } from '../../../storage/pictures';
import { dataset } from '../../pictures/dataset.svelte';
import { SheetView } from './view.svelte';

afterEach(() => {
  dataset.pictures = [];
});

test('The stage of captions begins with those that have none, and images shows all again', () => {
  dataset.pictures = [picture('a', 'red'), picture('b', ''), picture('c', ' ')];
  const view = new SheetView();
  view.enterCaptions();
  expect(view.shownIds).toEqual(['b', 'c']);
  expect(view.open?.id).toBe('b');
  view.enterImages();
  expect(view.shownIds).toEqual(['a', 'b', 'c']);
});

test('What a person filters by stays, at either stage', () => {
  dataset.pictures = [picture('a', 'red'), picture('b', '')];
  const view = new SheetView();
  view.query = 'red';
  view.enterCaptions();
  expect(view.shownIds).toEqual(['a']);
  view.query = '';
  view.enterCaptions();
  view.tab = 'untagged';
  view.enterImages();
  expect(view.shownIds).toEqual(['b']);
});

test('With every caption written, captions shows all of them', () => {
  dataset.pictures = [picture('a', 'red'), picture('b', 'blue')];
  const view = new SheetView();
  view.enterCaptions();
  expect(view.tab).toBe('all');
});

function picture(id: string, caption: string): Picture {
  return {
    id,
    project: 'p',
    order: 0,
    name: `${id}.png`,
    width: 64,
    height: 64,
    byteLength: 1,
    type: 'image/png',
    digest: id,
    look: '',
    caption,
    repeats: 1,
    focus: [0.5, 0.5],
  };
}
