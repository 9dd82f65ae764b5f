/**
 * What takes a reader more than 50 ms for an input within its bounds (docs/reliability.md, tools/reading_times.ts) is read
 * in a worker: no file of the page imports such a reader. In src/formats and the workers they are at home.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const LONG = [
  ...['readHeader', 'identifyCheckpoint', 'mapCheckpoint', 'readBaseParts'],
  ...[
    'outlineLora',
    'parseLora',
    'verifyLora',
    'rewriteLora',
    'summarizeLora',
    'readContinuable',
    'checkLora',
  ],
  ...['offered', 'importSettings', 'importFromLora', 'readSettings', 'parseTagList'],
  ...['readCsvTable', 'readTable', 'readJsonTable', 'parseMetadataCsv', 'planBaseModel', 'openState'],
  ...['readProject', 'isProjectFile', 'readProjectInParts'],
];

/** Imports of values; types cost nothing. */
function longIn(source: string): string[] {
  const found: string[] = [];
  for (const [, names, from] of source.matchAll(/^\s*import \{([^}]*)\} from '([^']*)'/gm)) {
    if (!/(formats|training|captioning)\//.test(from)) continue;
    for (const name of names.split(',').map((each) => each.trim()))
      if (LONG.includes(name.split(' ')[0])) found.push(name);
  }
  return found;
}

test('an import of such a reader is found, one of its type is not', () => {
  expect(longIn("import { readHeader, type Dtype } from '../../formats/x';")).toEqual(['readHeader']);
  expect(longIn("  import {\n    a,\n    verifyLora as verify,\n  } from '../formats/y';")).toHaveLength(1);
  expect(longIn("import type { readHeader } from '../../formats/x';")).toEqual([]);
  expect(longIn("import { type offered } from '../formats/x';\nimport { offered } from './x';")).toEqual([]);
});

const files = readdirSync('src/ui', { recursive: true, encoding: 'utf8' })
  .map((path) => join('src/ui', path))
  .concat('src/main.ts', 'src/App.svelte')
  .filter((path) => /(?<!\.test)\.(ts|svelte)$/.test(path));

test('the page imports none, but for a table of its own', () => {
  expect(files.length).toBeGreaterThan(200);
  expect(files.filter((path) => longIn(readFileSync(path, 'utf8')).length > 0)).toEqual([
    // The captions of a set that comes with the studio.
    'src/ui/pictures/import/demo.ts',
  ]);
});
