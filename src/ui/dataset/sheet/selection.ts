/**
 * What a click, a shift-click or a ctrl-click makes of a selection. Pure: the sheet holds the result. Ids outside the
 * list shown (another tab of the sheet) stay selected until the selection is cleared.
 */

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** Where a range begins: what was clicked last. */
  readonly anchor: string | undefined;
}

export const NOTHING: Selection = { ids: new Set(), anchor: undefined };

export type Click = 'plain' | 'toggle' | 'range';

/** @param shown ids in the order in which they are seen */
export function clicked(selection: Selection, shown: readonly string[], id: string, how: Click): Selection {
  const { ids, anchor } = selection;
  if (how === 'range' && anchor !== undefined && shown.includes(anchor)) {
    const [from, to] = [shown.indexOf(anchor), shown.indexOf(id)].sort((a, b) => a - b);
    return { ids: new Set([...ids, ...shown.slice(from, (to ?? 0) + 1)]), anchor };
  }
  if (how === 'plain') return { ids: new Set(), anchor: id };
  // The first ctrl-click takes along what was clicked before it, as file managers do.
  const next = new Set(ids);
  if (ids.size === 0 && anchor !== undefined && anchor !== id && shown.includes(anchor)) next.add(anchor);
  if (!next.delete(id)) next.add(id);
  return { ids: next, anchor: id };
}

export function everything(shown: readonly string[]): Selection {
  return { ids: new Set(shown), anchor: shown[0] };
}

/** Without pictures that are gone. */
export function stillThere(selection: Selection, has: (id: string) => boolean): Selection {
  const left = [...selection.ids].filter(has);
  const anchor = selection.anchor !== undefined && has(selection.anchor) ? selection.anchor : undefined;
  return left.length === selection.ids.size && anchor === selection.anchor
    ? selection
    : { ids: new Set(left), anchor };
}

/** Nothing selected; a range still begins where it did. */
export function cleared({ anchor }: Selection): Selection {
  return { ids: new Set(), anchor };
}

/** The place of each, from 1. */
export function numbered(pictures: readonly { readonly id: string }[]): ReadonlyMap<string, number> {
  return new Map(pictures.map(({ id }, index) => [id, index + 1]));
}
