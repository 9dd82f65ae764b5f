/**
 * `npm run graph`: which file imports which, in src, workers and tools, as rooms and folders. Prints Mermaid, or with
 * `--write` puts it into ARCHITECTURE.md (a test holds the page to it); names circles of files, and ends with 1 then.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { FOLDERS, roomOf, ROOMS } from './borders.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const TOP = ['src', 'workers', 'tools'];

/** File -> the files of the repository that it imports; both from its root, with '/'. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** Of everything but tests and what tests are made of. */
export function importGraph(root = ROOT): Imports {
  const files = TOP.flatMap((top) => sourceFiles(root, top));
  const known = new Set(files);
  return new Map(
    files.map((file) => {
      const found = specifiersOf(readFileSync(join(root, file), 'utf8'), file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => posix.join(posix.dirname(file), specifier.split('?', 1)[0] ?? ''))
        .map((target) => ENDINGS.map((ending) => target + ending).find((path) => known.has(path)));
      return [file, [...new Set(found.filter((path) => path !== undefined))].sort()];
    }),
  );
}

const ENDINGS = ['', '.ts', '.svelte.ts', '.svelte', '.js'];

function sourceFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder))
    .sort()
    .flatMap((name) => {
      const path = `${folder}/${name}`;
      if (statSync(join(root, path)).isDirectory()) return sourceFiles(root, path);
      return /\.(ts|js|svelte)$/.test(name) && !/\.(test|testing|cases)\.ts$/.test(name) ? [path] : [];
    });
}

function specifiersOf(text: string, file: string): string[] {
  const scripts = file.endsWith('.svelte') ? scriptsOf(text) : [text];
  return scripts.flatMap((script) =>
    ts.preProcessFile(script, true, true).importedFiles.map(({ fileName }) => fileName),
  );
}

/** What stands in a component's script tags. */
function scriptsOf(component: string): string[] {
  return component
    .split('<script')
    .slice(1)
    .map((part) => {
      const [script = ''] = part.split('</script>', 1);
      return script.slice(script.indexOf('>') + 1);
    });
}

/** Files that import each other, directly or by a way round: each list is one circle's files (Tarjan, 1972). */
export function circles(imports: Imports): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) ?? 0);
    stack.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      else if (!stack.includes(next)) continue;
      low.set(file, Math.min(low.get(file) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1 || imports.get(file)?.includes(file)) found.push(circle.sort());
  };
  for (const file of imports.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** Arrows between the rooms, and between the folders of the rooms that have a table of folders. */
export function mermaid(imports: Imports): { title: string; text: string }[] {
  const rooms = arrows(imports, (file) => roomOf(file));
  return [
    { title: 'Rooms', text: drawn(rooms, Object.keys(ROOMS)) },
    ...Object.entries(FOLDERS).map(([room, folders]) => ({
      title: `src/${room}`,
      text: drawn(
        arrows(imports, (file) => (file.startsWith(`src/${room}/`) ? folderName(room, file) : undefined)),
        Object.keys(folders).map((folder) => folder || room),
      ),
    })),
  ];
}

function folderName(room: string, file: string): string {
  const parts = file.split('/');
  return parts.length > 3 ? (parts[2] ?? room) : room;
}

/** From -> to -> how many imports. */
function arrows(imports: Imports, place: (file: string) => string | undefined): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [file, targets] of imports) {
    const from = place(file);
    if (from === undefined) continue;
    for (const target of targets) {
      const to = place(target);
      if (to === undefined || to === from) continue;
      const set = found.get(from) ?? new Set();
      found.set(from, set.add(to));
    }
  }
  return found;
}

/** Without the arrows that a longer way says already, so that a person can read it. */
function drawn(found: Map<string, Set<string>>, order: readonly string[]): string {
  const reaches = (from: string, to: string, but: string): boolean =>
    [...(found.get(from) ?? [])].some(
      (next) => (from !== but || next !== to) && (next === to || reaches(next, to, but)),
    );
  const lines = order.flatMap((from) =>
    [...(found.get(from) ?? [])]
      .filter((to) => !reaches(from, to, from))
      .sort((a, b) => order.indexOf(a) - order.indexOf(b))
      .map((to) => `  ${from} --> ${to}`),
  );
  return ['graph TD', ...lines].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const imports = importGraph();
  const drawing = mermaid(imports)
    .map(({ title, text }) => `### ${title}\n\n\`\`\`mermaid\n${text}\n\`\`\`\n`)
    .join('\n');
  if (process.argv.includes('--write')) {
    const page = join(ROOT, 'ARCHITECTURE.md');
    const [before = '', rest = ''] = readFileSync(page, 'utf8').split('<!-- graph -->\n');
    const [, after = ''] = rest.split('<!-- /graph -->');
    writeFileSync(page, `${before}<!-- graph -->\n\n${drawing}\n<!-- /graph -->${after}`);
  } else console.log(drawing);
  const found = circles(imports);
  const edges = [...imports.values()].reduce((sum, targets) => sum + targets.length, 0);
  console.log(`${imports.size} files, ${edges} imports, ${found.length} circles`);
  for (const circle of found) console.log(`circle: ${circle.join(', ')}`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
