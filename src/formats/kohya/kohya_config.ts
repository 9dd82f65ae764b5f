// Settings of kohya's sd-scripts and of the forms in front of it as a ledger's entries: headings are for people, of several
// sets of pictures the first that is learned from counts, what is said for a set counts more than what is said for all,
// and `optimizer_args` are names of their own. What the names mean is in kohya_rules.ts.
import { readCommand } from './command_line';
import { entriesOf, type Entry } from './flat_config';
import { Ledger, type LeftReason } from './import_ledger';
import { withoutEnd } from '../text/trimmed';
import { applyKohyaRules, isOff } from './kohya_rules';

/** `here`: paths in the file are of this computer, and taken. */
export function fromKohya(tree: unknown, here: boolean): Ledger {
  const { entries, others, sets } = logical(withAdditional(entriesOf(tree)));
  const ledger = new Ledger(entries);
  for (const [path, why] of others) ledger.leave(path, why);
  if (sets.trained > 1) ledger.warn('sets', String(sets.trained), false);
  if (sets.regularization !== undefined) ledger.warn('regularization', sets.regularization, false);
  applyKohyaRules(ledger, here);
  return ledger;
}

/** kohya_ss hands `additional_parameters` to sd-scripts behind its own options, where the last one counts. */
function withAdditional(all: readonly Entry[]): readonly Entry[] {
  const said = all.find(({ path }) => path === 'additional_parameters')?.value;
  if (typeof said !== 'string' || !/^\s*--\w/.test(said)) return all;
  const added = [...readCommand(said)].map(([path, value]) => ({ path, value }));
  const names = new Set(['additional_parameters', ...added.map(({ path }) => path)]);
  return [...all.filter(({ path }) => !names.has(path)), ...added];
}

interface Placed extends Entry {
  readonly leaf: string;
  /** `datasets[0].subsets[1]`, or '' outside of any. */
  readonly set: string;
  /** How near to the pictures it is said: 0 for all, 3 for one folder. */
  readonly nearness: number;
}

function place({ path, value }: Entry): Placed {
  const [, dataset = '', subset = '', general = ''] =
    /^(datasets\[\d+\]\.)?(subsets\[\d+\]\.)?(general\.)?/.exec(path) ?? [];
  return {
    path,
    value,
    leaf: path.slice(path.lastIndexOf('.') + 1),
    set: dataset + subset,
    nearness: subset ? 3 : dataset ? 2 : general ? 1 : 0,
  };
}

function logical(all: readonly Entry[]) {
  const placed = all.map(place);
  const subsets = [...new Set(placed.filter(({ nearness }) => nearness === 3).map(({ set }) => set))];
  const of = (set: string, leaf: string) =>
    placed.find((each) => each.set === set && each.leaf === leaf)?.value;
  const trained = subsets.filter((set) => isOff(of(set, 'is_reg')));
  const chosen = trained[0] ?? subsets[0] ?? placed.find(({ nearness }) => nearness === 2)?.set ?? '';
  const isReg = !isOff(of(chosen, 'is_reg'));
  const reg = subsets.find((set) => set !== chosen && !isOff(of(set, 'is_reg')));
  const counts = new Map<string, Placed>();
  for (const each of placed.filter(({ set }) => chosen.startsWith(set))) {
    const rival = counts.get(each.leaf);
    if (!rival || each.nearness > rival.nearness) counts.set(each.leaf, each);
  }
  const entries: Entry[] = [];
  const others: [string, LeftReason][] = [];
  for (const each of placed) {
    if (counts.get(each.leaf) === each) {
      entries.push(...withArguments({ path: each.leaf, value: each.value }));
      if (isReg && each.nearness === 3) others.push([each.leaf, 'regularization']);
      continue;
    }
    // A name that is a leaf elsewhere must not be taken for it.
    const path = each.path === each.leaf ? `(root).${each.path}` : each.path;
    entries.push({ path, value: each.value });
    const elsewhere = !chosen.startsWith(each.set);
    others.push([
      path,
      !elsewhere ? 'instead' : isOff(of(each.set, 'is_reg')) ? 'other-set' : 'regularization',
    ]);
  }
  const regularization =
    reg === undefined ? undefined : String(of(reg, 'image_dir') ?? of(reg, 'class_tokens') ?? reg);
  return { entries, others, sets: { trained: trained.length, regularization } };
}

/** `["weight_decay=0.1", "betas=0.9,0.99"]`, or the same as one text with spaces between, with or without quotes. */
function withArguments({ path, value }: Entry): Entry[] {
  if (!/^(optimizer|network)_args(_custom)?$/.test(path) || isOff(value)) return [{ path, value }];
  const list = Array.isArray(value) ? value.map(String) : argumentsIn(String(value));
  const found = new Map<string, string>();
  for (const each of list) {
    const at = each.indexOf('=');
    const [, name] = /^["']?(\w+)$/.exec(each.slice(0, Math.max(0, at)).trim()) ?? [];
    if (name === undefined) return [{ path, value }];
    const said = withoutEnd(each.slice(at + 1).trimStart(), /["'\s]/);
    found.set(`${path} ${name}`, said.replace(/^["']/, ''));
  }
  return [...found].map(([name, said]) => ({ path: name, value: said }));
}

/** Each begins with a name and an equals sign, and goes on to the next such word. */
function argumentsIn(text: string): string[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const list: string[] = [];
  for (const [index, word] of words.entries()) {
    const begins = /^["']?\w+=/.test(word) || (/^["']?\w+$/.test(word) && words[index + 1]?.startsWith('='));
    if (begins || list.length === 0) list.push(word);
    else list[list.length - 1] += ` ${word}`;
  }
  return list;
}
