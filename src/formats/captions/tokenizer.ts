// CLIP's byte-pair tokenizer: text to the numbers its text encoder was trained on, equal to transformers'
// CLIPTokenizer (without ftfy, which repairs mis-decoded text). The merges are OpenAI's; a smaller vocabulary
// is the same list cut shorter. Source: openai/CLIP `simple_tokenizer.py`; Sennrich et al. 2016 for BPE.

/** Turns captions into token numbers; immutable but for a cache of words. */
export interface Tokenizer {
  readonly vocabSize: number;
  /** `<|startoftext|>`, the last but one number. */
  readonly bos: number;
  /** `<|endoftext|>`, the last number; SD 1.x also pads with it. */
  readonly eos: number;
  /** Token numbers of the text, without bos and eos, not cut to any length. */
  encode(text: string): number[];
}

/** The merges do not fit the vocabulary that a model asks for. */
export class TokenizerError extends Error {
  override name = 'TokenizerError';
  readonly facts = {};
  constructor(
    readonly code: 'vocabulary' | 'merge',
    sentence: string,
  ) {
    super(sentence);
  }
}

const byteSymbols = 512; // 256 bytes, and 256 again as the end of a word
const specials = 2;

/**
 * Makes a tokenizer. `merges` is one merge a line (`i n`), no header; `vocabSize` is the rows of the model's
 * token table (49408 for SD 1.x). Throws TokenizerError if the list is too short or a line is no merge.
 */
export function makeTokenizer(merges: string, vocabSize: number): Tokenizer {
  const count = vocabSize - byteSymbols - specials;
  const lines = merges.split('\n', Math.max(0, count));
  if (
    !Number.isInteger(count) ||
    count < 0 ||
    lines.length < count ||
    (count > 0 && lines[count - 1] === '')
  ) {
    throw new TokenizerError(
      'vocabulary',
      `The model's token table has ${vocabSize} rows; expected ${byteSymbols + specials} to ${byteSymbols + specials + merges.split('\n').filter(Boolean).length}. This text encoder is not CLIP's.`,
    );
  }
  const { ids, ranks } = buildVocabulary(lines);
  const [bos, eos] = [vocabSize - 2, vocabSize - 1];
  const cache = new Map<string, readonly number[]>();

  const encodeWord = (word: string): readonly number[] => {
    const known = cache.get(word);
    if (known) return known;
    const tokens = mergePairs(byteText(word), ranks).map((symbol) => ids.get(symbol) ?? eos);
    if (cache.size < maxCachedWords && word.length <= 64) cache.set(word, tokens);
    return tokens;
  };

  const encode = (text: string): number[] => {
    const tokens: number[] = [];
    // The two specials are found in the raw text, before it is lower-cased, and stand for themselves.
    for (const piece of text.toWellFormed().split(/(<\|startoftext\|>|<\|endoftext\|>)/)) {
      if (piece === '<|startoftext|>') tokens.push(bos);
      else if (piece === '<|endoftext|>') tokens.push(eos);
      else for (const word of splitWords(piece)) for (const token of encodeWord(word)) tokens.push(token);
    }
    return tokens;
  };
  return { vocabSize, bos, eos, encode };
}

/** Enough for any tag vocabulary; keeps a hostile caption file from filling memory. */
const maxCachedWords = 50_000;

/** Words as CLIP cuts them: contractions, runs of letters, single digits, runs of anything else. */
const words =
  /<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

function* splitWords(text: string): Generator<string> {
  // The reference lower-cases letter by letter, so a capital sigma never becomes a final one.
  const clean = text.normalize('NFC').replaceAll('\u03a3', '\u03c3').toLowerCase();
  for (const [word] of clean.matchAll(words)) {
    // A special written in capitals is no special; it is cut out by itself, then read as plain text.
    if (/^<\|.*text\|>$/.test(word)) yield* ['<|', word.slice(2, -2), '|>'];
    else yield word;
  }
}

/**
 * Cuts tokens into kohya's chunks: bos, 75 tokens, eos, padded with eos. One chunk for a maximum of 75,
 * two for 150, three for 225, whatever the text's length; tokens beyond the maximum are dropped.
 */
export function chunks(
  tokens: readonly number[],
  maxTokens: 75 | 150 | 225,
  { bos, eos }: Tokenizer,
): number[][] {
  return Array.from({ length: maxTokens / 75 }, (_, index) => {
    const body = tokens.slice(index * 75, (index + 1) * 75);
    return [bos, ...body, ...Array.from({ length: 76 - body.length }, () => eos)];
  });
}

interface Vocabulary {
  readonly ids: Map<string, number>;
  readonly ranks: Map<string, number>;
}

function buildVocabulary(lines: readonly string[]): Vocabulary {
  const bytes = byteOrder.map((byte) => byteLetters[byte]);
  const symbols = [...bytes, ...bytes.map((letter) => `${letter}</w>`)];
  const ranks = new Map<string, number>();
  for (const line of lines) {
    const [left, right, more] = line.split(' ');
    if (!left || !right || more !== undefined) {
      throw new TokenizerError(
        'merge',
        `The list of merges is damaged: line ${ranks.size + 1} is "${line.slice(0, 40)}", expected two symbols.`,
      );
    }
    ranks.set(line, ranks.size);
    symbols.push(left + right);
  }
  return { ids: new Map(symbols.map((symbol, id) => [symbol, id])), ranks };
}

/** Bytes in CLIP's order: first those that print by themselves, then the rest, named from U+0100 up. */
const byteOrder = makeByteOrder();
const byteLetters = makeByteLetters();

function printable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

function makeByteOrder(): number[] {
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  return [...all.filter(printable), ...all.filter((byte) => !printable(byte))];
}

function makeByteLetters(): string[] {
  const letters: string[] = [];
  let extra = 0x100;
  for (let byte = 0; byte < 256; byte++) letters.push(String.fromCharCode(printable(byte) ? byte : extra++));
  return letters;
}

/** The word's UTF-8 bytes as CLIP's letters, the last one marked as the end of the word. */
function byteText(word: string): string[] {
  const letters = Array.from(new TextEncoder().encode(word), (byte) => byteLetters[byte]);
  letters[letters.length - 1] += '</w>';
  return letters;
}

/**
 * Joins the pair of lowest rank, leftmost first, until none is left. Every pair waits in a heap ordered by
 * (rank, position), so that a caption of one endless word costs n log n and cannot hang the tab.
 */
function mergePairs(symbols: string[], ranks: ReadonlyMap<string, number>): string[] {
  const next = symbols.map((_, index) => index + 1);
  const previous = symbols.map((_, index) => index - 1);
  const alive = symbols.map(() => true);
  const heap = new PairHeap();
  const offer = (left: number): void => {
    const right = next[left];
    if (left < 0 || right >= symbols.length) return;
    const pair = `${symbols[left]} ${symbols[right]}`;
    const rank = ranks.get(pair);
    if (rank !== undefined) heap.push({ rank, left, pair });
  };
  for (let index = 0; index < symbols.length; index++) offer(index);
  for (let item = heap.pop(); item; item = heap.pop()) {
    const { left, pair } = item;
    const right = next[left];
    // Stale: one of its halves has been merged since.
    if (!alive[left] || right >= symbols.length || `${symbols[left]} ${symbols[right]}` !== pair) continue;
    symbols[left] += symbols[right];
    alive[right] = false;
    next[left] = next[right];
    if (next[left] < symbols.length) previous[next[left]] = left;
    if (previous[left] >= 0) offer(previous[left]);
    offer(left);
  }
  return symbols.filter((_, index) => alive[index]);
}

interface Pair {
  readonly rank: number;
  readonly left: number;
  readonly pair: string;
}

/** A binary heap, smallest (rank, left) first. */
class PairHeap {
  private readonly items: Pair[] = [];

  push(item: Pair): void {
    let at = this.items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(item, this.items[parent])) break;
      this.items[at] = this.items[parent];
      at = parent;
    }
    this.items[at] = item;
  }

  pop(): Pair | undefined {
    const top = this.items[0];
    const last = this.items.pop();
    if (last === undefined || this.items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.items.length) break;
      if (child + 1 < this.items.length && before(this.items[child + 1], this.items[child])) child++;
      if (!before(this.items[child], last)) break;
      this.items[at] = this.items[child];
      at = child;
    }
    this.items[at] = last;
    return top;
  }
}

function before(a: Pair, b: Pair): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.left < b.left);
}
