/**
 * The template of a caption: text with named slots, `ancient Chinese ink painting {of a [subject]}, soft brush strokes`.
 * Commas separate parts; what stands between commas or braces is a piece, and a piece with a blank slot is left out
 * whole, so that no "painting of" remains. `a [slot]` takes the article its phrase needs, or none.
 */
import { withArticle } from './article';

/** The template cannot be read; `offset` is where, in UTF-16 units. */
export class TemplateError extends Error {
  override name = 'TemplateError';
  constructor(
    sentence: string,
    readonly offset: number,
  ) {
    super(sentence);
  }
}

type Token = { readonly text: string } | { readonly slot: string; readonly article: boolean };
type Piece = readonly Token[];
/** What stands between two commas. */
type Part = readonly Piece[];

export interface Template {
  readonly parts: readonly Part[];
  readonly slots: ReadonlySet<string>;
}

/** Throws TemplateError for an unknown slot or a brace or bracket without its other half. */
export function parseTemplate(text: string, known: readonly string[]): Template {
  const parts: Token[][][] = [[[]]];
  const slots = new Set<string>();
  let open: number | undefined;
  for (const match of text.matchAll(/\[[^[\]]*\]|[^[\]{},]+|[[\]{},]/g)) {
    const [found] = match;
    const part = parts[parts.length - 1];
    const piece = part[part.length - 1];
    if (found.length > 1 && found.startsWith('[')) {
      const slot = found.slice(1, -1).trim();
      if (!known.includes(slot)) {
        throw new TemplateError(`There is no slot ${found}; there are ${listed(known)}.`, match.index);
      }
      slots.add(slot);
      piece.push({ slot, article: takeArticle(piece) });
    } else if (found === '{' && open === undefined) {
      open = match.index;
      part.push([]);
    } else if (found === '}' && open !== undefined) {
      open = undefined;
      part.push([]);
    } else if (found === ',' && open === undefined) parts.push([[]]);
    else if ('[]{}'.includes(found)) throw unpaired(found, match.index);
    else piece.push({ text: found });
  }
  if (open !== undefined) throw unpaired('{', open);
  return { parts, slots };
}

/** The template with its slots filled; blank ones and what hangs on them left out. */
export function fillTemplate({ parts }: Template, values: ReadonlyMap<string, string>): string {
  return parts
    .map((part) => {
      const pieces = part.map((piece) => fillPiece(piece, values));
      return pieces.join('').replace(/\s+/g, ' ').trim();
    })
    .filter(Boolean)
    .join(', ');
}

function fillPiece(piece: Piece, values: ReadonlyMap<string, string>): string {
  let out = '';
  for (const token of piece) {
    if ('text' in token) out += token.text;
    else {
      const value = values.get(token.slot);
      if (!value) return ' ';
      out += token.article ? withArticle(value) : value;
    }
  }
  return out;
}

/** Takes an article off the end of the text before a slot; whether there was one. */
function takeArticle(piece: Token[]): boolean {
  const last = piece.at(-1);
  if (!last || !('text' in last) || !/(?:^|\s)an?\s+$/i.test(last.text)) return false;
  piece[piece.length - 1] = { text: last.text.replace(/an?\s+$/i, '') };
  return true;
}

function unpaired(found: string, offset: number): TemplateError {
  return new TemplateError(`A ${found} stands alone; write [slot], or {text with a [slot]}.`, offset);
}

function listed(slots: readonly string[]): string {
  return slots.map((slot) => `[${slot}]`).join(', ');
}
