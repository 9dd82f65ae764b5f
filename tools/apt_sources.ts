/**
 * Reads the machine's own apt sources and writes the entry for another suite of the same mirror. Both notations of
 * sources.list(5): one-line `*.list` and deb822 `*.sources`. Pure: files in, text out.
 */
export interface SourceFile {
  /** Ends in `.list` or `.sources`, which says how it is written. */
  name: string;
  text: string;
}

/**
 * The machine's entry for `suite` (`bookworm`), with the suite replaced by `wanted` (`bookworm-backports`): same
 * mirror, components, signing key and options. `directory` replaces the last part of the mirror's address, for what
 * lies beside the archive (`debian-security` beside `debian`). Undefined if no enabled binary entry names `suite`, or
 * if one names `wanted` already.
 */
export function sourceForSuite(
  files: readonly SourceFile[],
  suite: string,
  wanted: string,
  directory?: string,
): SourceFile | undefined {
  const entries = files.flatMap((file) =>
    file.name.endsWith('.sources') ? stanzas(file.text) : lines(file.text),
  );
  if (entries.some((entry) => entry.suites.includes(wanted))) return undefined;
  const moved = (uri: string) => (directory ? lastFolderAs(directory, uri) : uri);
  return entries.find((entry) => entry.suites.includes(suite))?.rewrite(wanted, moved);
}

function lastFolderAs(directory: string, uri: string): string {
  const end = uri.endsWith('/') ? '/' : '';
  const path = end ? uri.slice(0, -1) : uri;
  return path.slice(0, path.lastIndexOf('/') + 1) + directory + end;
}

interface Entry {
  suites: string[];
  rewrite(suite: string, moved: (uri: string) => string): SourceFile;
}

/** `deb [options] uri suite component...` */
function lines(text: string): Entry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line);
    if (!match) return [];
    const [, options = '', uri, suite, components] = match;
    return [
      {
        suites: [suite],
        rewrite: (wanted: string, moved: (uri: string) => string) => ({
          name: `${wanted}.list`,
          text: `deb ${options}${moved(uri)} ${wanted}${components}\n`,
        }),
      },
    ];
  });
}

/** Paragraphs of `Field: value`, continued on lines that begin with a space (an inlined key does that). */
function stanzas(text: string): Entry[] {
  const paragraphs = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n[ \t]*\n/);
  return paragraphs.flatMap((paragraph) => {
    const words = (name: string) => fieldPattern(name).exec(paragraph)?.[1].trim().split(/\s+/) ?? [];
    const disabled = /^(no|false|0|off|disable)$/i.test(words('Enabled')[0] ?? 'yes');
    if (disabled || !words('Types').includes('deb')) return [];
    return [
      {
        suites: words('Suites'),
        rewrite: (wanted: string, moved: (uri: string) => string) => ({
          name: `${wanted}.sources`,
          text:
            paragraph
              .replace(fieldPattern('Types'), 'Types: deb')
              .replace(fieldPattern('URIs'), `URIs: ${words('URIs').map(moved).join(' ')}`)
              .replace(fieldPattern('Suites'), `Suites: ${wanted}`)
              .trim() + '\n',
        }),
      },
    ];
  });
}

function fieldPattern(name: string): RegExp {
  return new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, 'im');
}
