/**
 * Every regular expression of the source, and texts that are made to keep each busy: a piece that one of its
 * repetitions takes, over and over, after what comes before it and before something that it cannot take. Made from
 * the pattern's own syntax tree, so that a new pattern needs no list.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRegExpLiteral, type AST } from '@eslint-community/regexpp';
import { parse } from 'svelte/compiler';
import ts from 'typescript';

export interface Pattern {
  readonly where: string;
  readonly source: string;
  readonly flags: string;
}

export interface Found {
  readonly patterns: Pattern[];
  /** Files that make patterns while they run. */
  readonly dynamic: string[];
}

/** In `.ts`, `.js` and `.svelte` files below the folders; not in tests. */
export function patternsIn(root: string, folders: readonly string[]): Found {
  const found: Found = { patterns: [], dynamic: [] };
  for (const path of folders.flatMap((folder) => filesIn(root, folder))) {
    const text = readFileSync(join(root, path), 'utf8');
    if (path.endsWith('.svelte')) ofSvelte(path, text, found);
    else ofScript(path, text, found);
  }
  return found;
}

function filesIn(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesIn(root, path);
    const isTest = /\.(test|testing|cases|golden)\.(ts|js)$|\.golden\.test\.ts$/.test(path);
    return /\.(ts|js|svelte)$/.test(path) && !isTest ? [path] : [];
  });
}

function ofScript(path: string, text: string, into: Found): void {
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const { pattern, flags } = parseRegExpLiteral(node.text);
      into.patterns.push({ where: path, source: pattern.raw, flags: flags.raw });
    }
    const made = ts.isNewExpression(node) || ts.isCallExpression(node);
    if (made && ts.isIdentifier(node.expression) && node.expression.text === 'RegExp')
      into.dynamic.push(path);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
}

function ofSvelte(path: string, text: string, into: Found): void {
  // Most have none, and the compiler's parser is slow.
  if (!/\.(test|exec|match|matchAll|replace|replaceAll|split|search)\(/.test(text)) return;
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
    const { regex } = node as { regex?: { pattern: string; flags: string } };
    if (regex) into.patterns.push({ where: path, source: regex.pattern, flags: regex.flags });
    for (const [key, value] of Object.entries(node)) if (key !== 'parent') visit(value);
  };
  visit(parse(text, { modern: true }));
}

/** A text with so many pieces. */
export type Pump = (pieces: number) => string;

/** One letter of each sort that patterns tell apart. */
const LETTERS = [...'a0 _-.,:;=/\\"\'()[]{}<>|#$%^&*+?!@~`AZz9\t\n\r\u00a0\u2028é中，。\ufeff'];
const ENDS = ['\0', '\n\0'];

export function pumpsOf({ source, flags }: Pattern): Pump[] {
  const tree = parseRegExpLiteral(`/${source}/${flags}`);
  const pumps: Pump[] = [];
  const own = [...new Set([...LETTERS, ...source])];
  const matches = (raw: string) => {
    const whole = new RegExp(`^(?:${raw})$`, flags.replace(/[gy]/g, ''));
    return own.filter((letter) => whole.test(letter));
  };
  const sample = (node: AST.Node): string => sampleOf(node, (raw) => matches(raw)[0] ?? '');
  const add = (before: string, piece: string): void => {
    if (piece === '') return;
    for (const end of ENDS) {
      pumps.push((pieces) => before + piece.repeat(pieces) + end);
      if (before !== '') {
        const again = before + piece;
        pumps.push((pieces) => again.repeat(pieces) + end);
      }
    }
  };
  visitQuantifiers(tree.pattern, (quantifier) => {
    const before = precedingOf(quantifier, sample);
    const { element } = quantifier;
    const single =
      element.type === 'Character' || element.type === 'CharacterSet' || element.type === 'CharacterClass';
    const pieces = single
      ? matches(element.raw).slice(0, 6)
      : [sample(element), ...alternativesOf(element, sample)];
    for (const piece of pieces) {
      add(before, piece);
      add('', piece);
    }
  });
  return pumps;
}

function visitQuantifiers(node: AST.Node, take: (quantifier: AST.Quantifier) => void): void {
  if (node.type === 'Quantifier') {
    if (node.max > 100) take(node);
    visitQuantifiers(node.element, take);
  } else if ('alternatives' in node && node.type !== 'ClassStringDisjunction') {
    for (const alternative of node.alternatives) visitQuantifiers(alternative, take);
  } else if (node.type === 'Alternative')
    for (const element of node.elements) visitQuantifiers(element, take);
}

/** What a text has before it gets to this part of the pattern. */
function precedingOf(node: AST.Node, sample: (node: AST.Node) => string): string {
  const { parent } = node;
  if (!parent) return '';
  const outer = precedingOf(parent, sample);
  if (parent.type !== 'Alternative') return outer;
  const earlier = parent.elements.slice(0, parent.elements.indexOf(node as AST.Element));
  return outer + earlier.map(sample).join('');
}

function alternativesOf(node: AST.Node, sample: (node: AST.Node) => string): string[] {
  const inner = node.type === 'Group' || node.type === 'CapturingGroup' ? node.alternatives : [];
  return inner.map(sample);
}

function sampleOf(node: AST.Node, letter: (raw: string) => string): string {
  const all = (nodes: readonly AST.Node[]) => nodes.map((each) => sampleOf(each, letter)).join('');
  if (node.type === 'Character') return String.fromCodePoint(node.value);
  if (node.type === 'Quantifier')
    return node.max === 0 ? '' : all([node.element]).repeat(Math.max(1, node.min));
  if (node.type === 'Alternative') return all(node.elements);
  const isGroup = node.type === 'Pattern' || node.type === 'Group' || node.type === 'CapturingGroup';
  if (isGroup) return all(node.alternatives.slice(0, 1));
  const isClass = node.type === 'CharacterSet' || node.type.endsWith('CharacterClass');
  return isClass ? letter(node.raw) : '';
}
