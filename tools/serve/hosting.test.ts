/** docs/hosting/ is what the script writes; and read as the hosts read them, the files say what public/_headers says. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { headersFor } from '../../src/protocol/headers';
import { shippedRules } from '../headers';
import { HOSTING, hostingFiles } from './hosting';

const PATHS = [
  '/',
  '/index.html',
  '/sw.js',
  '/assets/trainer.worker-a1.js',
  '/assets/download.worker-a1.js',
  '/assets/download.worker-a1.js.map',
  '/deep/assets/download.worker-a1.js',
  '/demo/base.safetensors',
];
const rules = shippedRules();
const read = (name: string) => readFileSync(HOSTING + name, 'utf8');

test('the files are what the script writes', async () => {
  const files = await hostingFiles(rules);
  expect(Object.keys(files)).toEqual(['vercel.json', 'netlify.toml', 'nginx.conf', 'Caddyfile']);
  for (const [name, text] of Object.entries(files)) expect(read(name), name).toBe(text);
});

test('on Vercel, one rule for each path, with its headers', () => {
  const { headers } = JSON.parse(read('vercel.json')) as {
    headers: { source: string; headers: { key: string; value: string }[] }[];
  };
  for (const path of PATHS) {
    const ruling = headers.filter(({ source }) => new RegExp(`^${source}$`).test(path));
    expect(ruling, path).toHaveLength(1);
    expect(Object.fromEntries(ruling[0].headers.map(({ key, value }) => [key, value])), path).toEqual(
      headersFor(path, rules),
    );
  }
});

test('on nginx, each header by its map', () => {
  const text = read('nginx.conf');
  const maps = [...text.matchAll(/^map \$uri (\$\w+) \{\n((?: {4}.*\n)+)\}/gm)].map(([, name, body]) => {
    const rows = [...body.matchAll(/^ {4}(default|"~.*?") "(.*)";$/gm)].map(([, key, value]) => [key, value]);
    return [name, rows] as const;
  });
  const named = new Map(maps);
  const sent = [...text.matchAll(/^ {4}add_header (\S+) (\$\w+) always;$/gm)];
  expect(sent.length).toBe(maps.length);
  for (const path of PATHS.filter((each) => !each.startsWith('/deep/'))) {
    const said = sent.flatMap(([, name, variable]) => {
      const rows = named.get(variable) ?? [];
      const row =
        rows.find(([key]) => key !== 'default' && new RegExp(key.slice(2, -1)).test(path)) ??
        rows.find(([key]) => key === 'default');
      return row === undefined || row[1] === '' ? [] : [[name, row[1]]];
    });
    expect(Object.fromEntries(said), path).toEqual(headersFor(path, rules));
  }
});

test('on Caddy, one block for the exception and one for all else', () => {
  const text = read('Caddyfile');
  const blocks = [...text.matchAll(/^\theader @(\w+) \{\n((?:\t\t.*\n)+)\t\}/gm)].map(([, matcher, body]) => [
    matcher,
    Object.fromEntries([...body.matchAll(/^\t\t(\S+) "(.*)"$/gm)].map(([, name, value]) => [name, value])),
  ]);
  expect(Object.fromEntries(blocks)).toEqual({
    all: headersFor('/', rules),
    exception1: headersFor('/assets/download.worker-a1.js', rules),
  });
  expect(text).toContain('\t@all not path /assets/download.worker-*.js\n');
  expect(text).toContain('\t@exception1 path /assets/download.worker-*.js\n');
});
