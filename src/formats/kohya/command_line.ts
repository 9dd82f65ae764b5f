// The command that starts sd-scripts, as people keep it in .sh, .bat, .ps1 or .txt files: `accelerate launch …
// train_network.py --name value …`. Lines that go on, quotes, comments and plain variables are read; nothing is run, and
// shell language beyond that is not understood.

/** Whether a text is a command rather than a file of settings. */
export function isCommand(text: string): boolean {
  const lines = text.split('\n').filter((line) => !isComment(line));
  return (
    lines.some(
      (line) =>
        line.split(/\s+/).some((word) => scriptIn(word) !== undefined) &&
        !/^\s*["']?[\w-]+["']?\s*[:=]\s*["'[{]/.test(line),
    ) || /^\s*--\w/.test(lines.find((line) => line.trim() !== '') ?? '')
  );
}

/** The options by name: `true` for a switch, a text, or a list of texts; the script under `script`, accelerate's own under `accelerate …`. */
export function readCommand(text: string): ReadonlyMap<string, unknown> {
  const lines = text
    .replace(/^\ufeff/, '')
    .replace(/[\\^`][ \t]*\r?\n/g, ' ')
    .split(/\r?\n/);
  const variables = new Map<string, string>();
  let words: string[] = [];
  for (const line of lines.filter((each) => !isComment(each))) {
    const set =
      /^\s*(?:export\s+|set\s+|\$)?(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))(?:\s+#.*|\s*)$/.exec(line);
    if (set?.[1]) {
      variables.set(set[1], set[2] ?? set[3] ?? set[4] ?? '');
      continue;
    }
    const found = split(line, variables);
    const starts = found.some((word) => scriptIn(word) !== undefined);
    if (starts || found.some((word) => word.startsWith('--'))) {
      words = found;
      if (starts) break;
    }
  }
  return options(words);
}

function options(words: readonly string[]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const at = words.findIndex((word) => scriptIn(word) !== undefined);
  if (at >= 0) found.set('script', scriptIn(words[at]) ?? '');
  collect(words.slice(0, Math.max(0, at)), (name, value) => found.set(`accelerate ${name}`, value));
  collect(words.slice(at + 1), (name, value) => found.set(name, value));
  return found;
}

function collect(words: readonly string[], set: (name: string, value: unknown) => void): void {
  let name: string | undefined;
  let values: string[] = [];
  const end = () => {
    if (name !== undefined) set(name, values.length === 0 ? true : values.length === 1 ? values[0] : values);
  };
  for (const word of words) {
    if (/^(&&?|\|\|?|;|\d?>>?)$/.test(word)) break;
    const option = /^--([\w-]+)(?:=([\s\S]*))?$/.exec(word);
    if (!option) {
      values.push(word);
      continue;
    }
    end();
    name = (option[1] ?? '').replaceAll('-', '_');
    values = option[2] === undefined ? [] : [option[2]];
  }
  end();
}

/** Words between spaces; quotes hold them together, and a backslash is itself unless a quote follows, as in Windows paths. */
function split(line: string, variables: ReadonlyMap<string, string>): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (c === '\\' && (line[i + 1] === '"' || line[i + 1] === "'")) word = (word ?? '') + line[++i];
    else if (quote !== '' ? c === quote : c === '"' || c === "'") {
      quote = quote === '' ? c : '';
      word ??= '';
    } else if (quote === '' && /\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === '' && c === '#' && word === undefined) break;
    else word = (word ?? '') + c;
  }
  if (word !== undefined) words.push(word);
  return words.map((each) => withVariables(each, variables));
}

function withVariables(word: string, variables: ReadonlyMap<string, string>): string {
  return word.replace(/\$\{(\w+)\}|\$(\w+)|%(\w+)%/g, (whole, a?: string, b?: string, c?: string) => {
    return variables.get(a ?? b ?? c ?? '') ?? whole;
  });
}

/** The name of a script that trains, where the word ends in one: letters are looked at once, however long it is. */
function scriptIn(word: string): string | undefined {
  const bare = /["']$/.test(word) ? word.slice(0, -1) : word;
  if (!/\.py$/i.test(bare)) return undefined;
  let start = bare.length - 3;
  while (start > 0 && /[\w-]/.test(bare[start - 1])) start--;
  const name = bare.slice(start);
  return name.slice(0, -3).toLowerCase().includes('train') ? name : undefined;
}

function isComment(line: string): boolean {
  return /^\s*(#|::|rem\s|@echo)/i.test(line);
}
