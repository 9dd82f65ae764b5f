/**
 * YAML as settings are written in it, held to bounds before the library sees it: its parser recurses, and one file of 464
 * bytes keeps it busy for seconds. Names that stand twice are looked for here, since the library compares each with all.
 */
import { isScalar, parseDocument, visit, type Document, type LineCounter } from 'yaml';

/** A configuration of all fields, commented, takes 10 KB; prompts may be long. */
export const yamlLimits = { length: 65_000, lines: 4000, depth: 32 } as const;

export type YamlRefusal = 'too-large' | 'too-deep';

/** Undefined where the text may be parsed. */
export function yamlRefusal(text: string): YamlRefusal | undefined {
  const { length, lines, depth } = yamlLimits;
  if (text.length > length || (text.match(/\n/g)?.length ?? 0) > lines) return 'too-large';
  return deepest(text) > depth ? 'too-deep' : undefined;
}

/** How deep brackets and `- - -` go, at least: no setting needs two levels. */
function deepest(text: string): number {
  let depth = 0;
  let most = 0;
  for (const character of text) {
    if (character === '[' || character === '{') most = Math.max(most, ++depth);
    else if (character === ']' || character === '}') depth = Math.max(0, depth - 1);
  }
  for (const [marks] of text.matchAll(/^(?:[ \t]*[-?:](?=[ \t]))+/gm))
    most = Math.max(most, marks.replace(/[ \t]/g, '').length);
  // A ladder of `?`, a key in a key in a key, takes time that doubles with each line.
  const ladder = text.match(/^[ \t]*\?[ \t]*$/gm)?.length ?? 0;
  return Math.max(most, 4 * ladder);
}

/** Only what `yamlRefusal` lets through. Throws what the library throws; its complaints are the document's errors. */
export function parseYaml(text: string, lineCounter?: LineCounter): Document.Parsed {
  return parseDocument(text, {
    ...(lineCounter ? { lineCounter } : {}),
    schema: 'core',
    version: '1.2',
    merge: false,
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
}

/** Where a name stands that its map has already, as an offset in the text; of all maps. */
export function doubledNames(document: Document): number[] {
  const found: number[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) found.push(key.range?.[0] ?? 0);
        seen.add(key.value);
      }
    },
  });
  return found;
}
