/**
 * What of the set is looked at: tab, search, tag, the picture that is open, the selection, the size of thumbnails.
 * It changes no picture.
 */
import type { Picture } from '../../../storage/pictures';
import { setOf } from '../../collections';
import { recall, remember } from '../../remembered';
import { hasTag } from '../../../formats/dataset/tags';
import { dataset } from '../../pictures/dataset.svelte';
import { inPlaces, placesOf } from './alike';
import { Insight } from './insight.svelte';
import {
  cleared,
  clicked,
  everything,
  NOTHING,
  numbered,
  stillThere,
  type Click,
  type Selection,
} from './selection';

export const tabs = ['all', 'untagged', 'warnings', 'aside'] as const;
export type Tab = (typeof tabs)[number];

export const LEAST_SIZE = 72;
export const MOST_SIZE = 320;

export class SheetView {
  readonly insight = new Insight();

  #tab: Tab = $state('all');
  #query = $state('');
  /** The tab was chosen by the stage, not by the person. */
  #tabByStage = false;
  #tag: string | undefined = $state();
  /** Only these, for a reason shown above the sheet. */
  only: { readonly ids: ReadonlySet<string>; readonly reason: string } | undefined = $state.raw();
  /** Nearest to these words first. */
  alike: { readonly words: string; readonly places: ReadonlyMap<string, number> } | undefined = $state.raw();
  /** Where the open picture was in the list: if it leaves the list (it got a caption), the next is there. */
  #place = 0;
  /** Clicks select: for hands without a keyboard. */
  selecting = $state(false);
  /** Warnings that a person has read and wants to keep it as it is. */
  kept: ReadonlySet<string> = $state.raw(setOf([]));
  /** Captions are edited as text, not as tags. */
  asText = $state(false);
  #size: number = $state(firstSize());
  #openId: string | undefined = $state();
  #selection: Selection = $state.raw(NOTHING);

  readonly counts: Readonly<Record<Tab, number>> = $derived({
    all: dataset.pictures.length,
    untagged: dataset.used.filter(isUntagged).length,
    warnings: dataset.used.filter(({ id }) => this.insight.marks.has(id)).length,
    aside: dataset.setAsides.length,
  });

  readonly shown: Picture[] = $derived.by(() => {
    const { only, tag, alike } = this;
    const query = this.query.trim().toLowerCase();
    const shown = dataset.pictures.filter(
      (picture) =>
        this.#inTab(picture) &&
        (!only || only.ids.has(picture.id)) &&
        (tag === undefined || hasTag(picture.caption, tag)) &&
        (query === '' ||
          picture.name.toLowerCase().includes(query) ||
          picture.caption.toLowerCase().includes(query)),
    );
    return alike ? inPlaces(shown, alike.places) : shown;
  });
  readonly shownIds: string[] = $derived(this.shown.map(({ id }) => id));
  /** Numbers beneath the pictures: their places in the whole set. */
  readonly numbers: ReadonlyMap<string, number> = $derived(numbered(dataset.pictures));

  /** The picture in the panel: the one opened, else the first shown. */
  readonly open: Picture | undefined = $derived(
    (this.#openId === undefined ? undefined : dataset.byId.get(this.#openId)) ?? this.shown[0],
  );
  /** -1 if the picture that is open is not among those shown. */
  readonly openIndex: number = $derived(this.open ? this.shownIds.indexOf(this.open.id) : -1);
  readonly selection: Selection = $derived(stillThere(this.#selection, (id) => dataset.byId.has(id)));

  get tab(): Tab {
    return this.#tab;
  }

  set tab(tab: Tab) {
    this.#tab = tab;
    this.#tabByStage = false;
    this.only = undefined;
    this.alike = undefined;
    this.#openShown();
  }

  /** The captions are what is left to do: those that lack one, where the person filters by nothing else. */
  enterCaptions(): void {
    if (this.filtered || this.counts.untagged === 0) return;
    this.tab = 'untagged';
    this.#tabByStage = true;
    const [first] = this.shownIds;
    if (first !== undefined && this.openIndex < 0) this.show(first);
  }

  /** Back to the whole set, if only the stage had narrowed it. */
  enterImages(): void {
    if (this.#tabByStage) this.tab = 'all';
  }

  get query(): string {
    return this.#query;
  }

  set query(query: string) {
    this.#query = query;
    this.#openShown();
  }

  /** Only pictures whose caption has this tag. */
  get tag(): string | undefined {
    return this.#tag;
  }

  set tag(tag: string | undefined) {
    this.#tag = tag;
    this.#openShown();
  }

  get size(): number {
    return this.#size;
  }

  set size(size: number) {
    this.#size = size;
    remember('thumbnails', String(Math.round(size)));
  }

  get filtered(): boolean {
    return (
      this.tab !== 'all' ||
      this.query !== '' ||
      this.tag !== undefined ||
      this.only !== undefined ||
      this.alike !== undefined
    );
  }

  show(id: string): void {
    this.#openId = id;
    this.#place = Math.max(0, this.shownIds.indexOf(id));
  }

  click(id: string, how: Click): void {
    this.#selection = clicked(this.selection, this.shownIds, id, how);
    if (how !== 'range') this.show(id);
  }

  selectAll(): void {
    this.#selection = everything(this.shownIds);
  }

  clearSelection(): void {
    this.#selection = cleared(this.#selection);
    this.selecting = false;
  }

  /** Opens the picture so many places on, if there is one. */
  step(by: 1 | -1): boolean {
    const to = this.openIndex >= 0 ? this.openIndex + by : by > 0 ? this.#place : this.#place - 1;
    return this.openAt(Math.min(this.shown.length - 1, Math.max(0, to)));
  }

  openAt(index: number): boolean {
    const id = this.shownIds[index];
    if (id === undefined || id === this.open?.id) return false;
    this.show(id);
    return true;
  }

  /** The next without a caption, of those shown or else of all, beginning anew after the last. */
  nextUntagged(): boolean {
    const after = (list: readonly Picture[]): Picture | undefined => {
      const at = list.findIndex(({ id }) => id === this.open?.id);
      return [...list.slice(at + 1), ...list.slice(0, at + 1)].find(
        (picture) => picture.aside === undefined && isUntagged(picture),
      );
    };
    const next = (this.openIndex >= 0 ? after(this.shown) : undefined) ?? after(dataset.pictures);
    if (!next) return false;
    if (!this.shownIds.includes(next.id)) this.showAll();
    this.show(next.id);
    return true;
  }

  undo(): void {
    this.#follow(dataset.undo());
  }

  redo(): void {
    this.#follow(dataset.redo());
  }

  showOnly(ids: readonly string[], reason: string): void {
    this.showAll();
    this.only = { ids: setOf(ids), reason };
    this.#openShown();
  }

  /** All pictures, those first that come first in `ids`; what is not in it is left out. */
  showAlike(words: string, ids: readonly string[]): void {
    this.showAll();
    this.alike = { words, places: placesOf(ids) };
    const [first] = this.shownIds;
    if (first !== undefined) this.show(first);
  }

  keep(warning: string): void {
    this.kept = setOf([...this.kept, warning]);
  }

  showAll(): void {
    this.tab = 'all';
    this.query = '';
    this.tag = undefined;
  }

  /** What was undone is shown, unless it is in the panel already or was more than one picture. */
  #follow(ids: readonly string[]): void {
    const [id] = ids;
    if (ids.length === 1 && id !== undefined && this.shownIds.includes(id)) this.show(id);
  }

  /** After another filter: what is open is among what is shown. */
  #openShown(): void {
    const [first] = this.shownIds;
    if (this.openIndex < 0 && first !== undefined) this.show(first);
  }

  #inTab(picture: Picture): boolean {
    switch (this.#tab) {
      case 'all':
        return true;
      case 'untagged':
        return picture.aside === undefined && isUntagged(picture);
      case 'warnings':
        return this.insight.marks.has(picture.id);
      case 'aside':
        return picture.aside !== undefined;
    }
  }
}

function isUntagged({ caption }: Picture): boolean {
  return caption.trim() === '';
}

function firstSize(): number {
  const kept = Number(recall('thumbnails'));
  return kept >= LEAST_SIZE && kept <= MOST_SIZE ? kept : 140;
}
