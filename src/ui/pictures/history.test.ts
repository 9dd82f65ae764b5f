/** Undo and redo against a model: a list of whole states, as many as were left behind. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Picture } from '../../storage/pictures';
import { applied, stepFor, type Change, type Changes } from './changes';
import { History } from './history.svelte';

const IDS = ['a', 'b', 'c'];

type Act =
  { do: 'change'; ids: string[]; change: Change; together?: string } | { do: 'undo' | 'redo' | 'settle' };

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ caption: fc.constantFrom('', 'x', 'y') }),
  fc.record({ repeats: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ focus: fc.constantFrom<[number, number]>([0, 0.5], [0.5, 0.5]) }),
  fc.record({ aside: fc.constantFrom('by-hand' as const, undefined), caption: fc.constantFrom('', 'z') }),
);
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    do: fc.constant('change' as const),
    ids: fc.subarray(IDS),
    change,
    together: fc.constantFrom(undefined, undefined, 't', 'u'),
  }),
  fc.record({ do: fc.constantFrom('undo' as const, 'redo' as const, 'settle' as const) }),
);

/** A redo that finds nothing ends what is typed together, as an undo does. */
const redoBetween: Act[] = [
  { do: 'change', ids: ['c'], change: { caption: 'x' }, together: 't' },
  { do: 'redo' },
  { do: 'change', ids: ['b'], change: { caption: 'x' }, together: 't' },
  { do: 'undo' },
];

test('Undo and redo pass through the same states, forwards and backwards', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const history = new History();
      let now = IDS.map(blank);
      const past: { state: Picture[]; together?: string }[] = [];
      let future: Picture[][] = [];
      let open: string | undefined;
      const put = (changes: Changes | undefined) => {
        if (changes) now = applied(now, changes).pictures;
      };
      for (const each of acts) {
        const before = now;
        if (each.do === 'change') {
          const { ids, together } = each;
          const step = stepFor(
            now.filter(({ id }) => ids.includes(id)),
            each.change,
          );
          if (!step) continue;
          history.add(step, together);
          put(step.after);
          if (!(together !== undefined && together === open && future.length === 0))
            past.push({ state: before });
          open = together;
          future = [];
        } else if (each.do === 'settle') {
          history.settle();
          open = undefined;
        } else if (each.do === 'undo') {
          put(history.undo());
          const last = past.pop();
          if (last) future.push(before);
          expect(now).toEqual(last?.state ?? before);
          open = undefined;
        } else {
          put(history.redo());
          const next = future.pop();
          if (next) past.push({ state: before });
          expect(now).toEqual(next ?? before);
          open = undefined;
        }
        expect([history.canUndo, history.canRedo]).toEqual([past.length > 0, future.length > 0]);
      }
    }),
    { numRuns: 500, examples: [[redoBetween]] },
  );
});

test('At least a hundred steps can be undone, and each again', () => {
  const history = new History();
  let now = [blank('a')];
  for (let i = 1; i <= 150; i++) {
    const step = stepFor(now, { caption: String(i) });
    if (!step) throw new Error('nothing changed');
    history.add(step);
    now = applied(now, step.after).pictures;
  }
  const captions: string[] = [];
  for (let changes = history.undo(); changes; changes = history.undo()) {
    now = applied(now, changes).pictures;
    captions.push(now[0].caption);
  }
  expect(captions.length).toBeGreaterThanOrEqual(100);
  expect(captions).toEqual([...Array(150).keys()].reverse().map((i) => (i === 0 ? '' : String(i))));
  for (let changes = history.redo(); changes; changes = history.redo()) now = applied(now, changes).pictures;
  expect(now[0].caption).toBe('150');
});

function blank(id: string): Picture {
  const known = { width: 8, height: 8, byteLength: 1, type: 'image/png', digest: id, look: '0' };
  // `aside` is there from the start, so that states can be compared field by field.
  const own = { caption: '', repeats: 1, focus: [0.5, 0.5] as const, aside: undefined };
  return { ...known, id, project: 'p', order: 0, name: id, ...own };
}
