/**
 * A Vite plugin that writes NOTICES.txt beside the built page: for every package of which code went into it, name,
 * version and licence text, after what NOTICES.md says about material that is no package. Put it among the worker's
 * plugins too: a worker is a bundle of its own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Returns the plugins for the page and for its workers: both feed one file, which the page's build writes. */
export function notices(): { page: Plugin; worker: () => Plugin } {
  const folders = new Set<string>();
  const collect = (modules: Iterable<string>) => {
    for (const id of modules) {
      const folder = packageFolder(id);
      if (folder) folders.add(folder);
    }
  };
  const base = { apply: 'build' } as const;
  return {
    page: {
      ...base,
      name: 'notices',
      generateBundle(_, bundle) {
        for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk') collect(chunk.moduleIds);
        const kept = readFileSync(join(ROOT, 'NOTICES.md'), 'utf8');
        this.emitFile({ type: 'asset', fileName: 'NOTICES.txt', source: noticesText(kept, [...folders]) });
      },
    },
    worker: () => ({
      ...base,
      name: 'notices-worker',
      generateBundle(_, bundle) {
        for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk') collect(chunk.moduleIds);
      },
    }),
  };
}

/** The package a module belongs to, as a folder; undefined for our own code and for the bundler's virtual modules. */
export function packageFolder(moduleId: string): string | undefined {
  return /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(moduleId.replaceAll('\\', '/'))?.[1];
}

function noticesText(kept: string, folders: readonly string[]): string {
  const packages = folders.map(licenceOf).sort((a, b) => a.name.localeCompare(b.name));
  const sections = packages.map((p) => `${p.name} ${p.version} (${p.licence})\n\n${p.text}`);
  return [kept.trim(), ...sections].join(`\n\n${'-'.repeat(80)}\n\n`) + '\n';
}

interface Licence {
  name: string;
  version: string;
  licence: string;
  text: string;
}

/** Throws if a package neither carries its licence nor names one whose text is known. */
export function licenceOf(folder: string): Licence {
  const { name, version, license, author } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as {
    name: string;
    version: string;
    license?: string;
    author?: string | { name: string };
  };
  const licence = license ?? 'no licence named';
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)(\.(md|txt))?$/i.test(entry));
  if (file) return { name, version, licence, text: readFileSync(join(folder, file), 'utf8').trim() };

  const holder = NAMED_HOLDERS.find(([prefix]) => name.startsWith(prefix))?.[1];
  const who = holder ?? (typeof author === 'string' ? author : author?.name) ?? `the authors of ${name}`;
  // tfjs-layers' MIT part is Keras, from which it was translated.
  const texts = licence.split(/ AND /).map((one) => STANDARD_TEXTS[one]?.());
  if (texts.some((text) => text === undefined)) {
    throw new Error(
      `The package ${name} goes into the page, but carries no licence file, and the text of '${licence}' is not known: add it to tools/notices.ts.`,
    );
  }
  return { name, version, licence, text: `Copyright ${who}\n\n${texts.join('\n\n')}` };
}

const NAMED_HOLDERS: readonly (readonly [string, string])[] = [['@tensorflow/', 'Google LLC']];

const STANDARD_TEXTS: Readonly<Record<string, () => string>> = {
  // Comlink is Google's too, and carries the licence in full.
  'Apache-2.0': () => readFileSync(join(ROOT, 'node_modules', 'comlink', 'LICENSE'), 'utf8').trim(),
  MIT: () =>
    readFileSync(join(ROOT, 'LICENSE'), 'utf8')
      .replace(/^Copyright.*\n\n/m, '')
      .trim(),
};
