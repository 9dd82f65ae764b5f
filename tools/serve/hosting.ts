/**
 * Ready files for hosts, in docs/hosting/, from the one list of headers (public/_headers, which is Cloudflare Pages' own
 * notation): `npm run hosting` writes them, a test compares. Hosts differ in what two rules for one path do (join, replace,
 * take away), so here each path has one rule: the exceptions, and all else.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { headersFor, type HeaderRule } from '../../src/protocol/headers';
import { shippedRules } from '../headers';

export const HOSTING = fileURLToPath(new URL('../../docs/hosting/', import.meta.url));
const MADE = 'Made by `npm run hosting` from public/_headers: change it there.';

type Headers = Readonly<Record<string, string>>;
interface Exception {
  /** As in public/_headers. */
  readonly path: string;
  readonly headers: Headers;
}
interface Disjoint {
  readonly all: Headers;
  readonly exceptions: readonly Exception[];
}

/** Name and text of each file. */
export async function hostingFiles(rules: readonly HeaderRule[]): Promise<Record<string, string>> {
  const list = disjoint(rules);
  return {
    'vercel.json': await format(JSON.stringify(vercel(list)), { parser: 'json' }),
    'netlify.toml': netlify(),
    'nginx.conf': nginx(list),
    Caddyfile: caddy(list),
  };
}

/** Throws where the first rule is not for everything, or an exception is for more than one wildcard's worth. */
function disjoint(rules: readonly HeaderRule[]): Disjoint {
  const [first, ...others] = rules;
  if (first.path !== '/*') throw new Error('public/_headers: the first rule has to be /*.');
  return {
    all: headersFor('/', rules),
    exceptions: others.map(({ path }) => ({ path, headers: headersFor(path.replaceAll('*', 'x'), rules) })),
  };
}

function vercel({ all, exceptions }: Disjoint) {
  const listed = (headers: Headers) => Object.entries(headers).map(([key, value]) => ({ key, value }));
  const inside = exceptions.map(({ path }) => pattern(path).slice(1));
  return {
    $schema: 'https://openapi.vercel.sh/vercel.json',
    buildCommand: 'npm run build',
    outputDirectory: 'dist',
    headers: [
      { source: `/((?!(?:${inside.join('|')})$).*)`, headers: listed(all) },
      ...exceptions.map(({ path, headers }) => ({
        source: `/(${pattern(path).slice(1)})`,
        headers: listed(headers),
      })),
    ],
  };
}

/** Netlify reads dist/_headers itself. */
function netlify(): string {
  return `# ${MADE}
# The headers: Netlify reads dist/_headers. It joins the values of rules for one path, and knows no "! Name": the host
# refuses a download by its address, until the studio's service worker answers (from the second load on).
[build]
  command = "npm run build"
  publish = "dist"
`;
}

function nginx({ all, exceptions }: Disjoint): string {
  const names = [...new Set([all, ...exceptions.map(({ headers }) => headers)].flatMap(Object.keys))];
  const variable = (name: string) => `$studio_${name.toLowerCase().replaceAll('-', '_')}`;
  const maps = names.map((name) =>
    [
      `map $uri ${variable(name)} {`,
      `    default "${all[name] ?? ''}";`,
      ...exceptions.map(({ path, headers }) => `    "~${pattern(path)}$" "${headers[name] ?? ''}";`),
      '}',
    ].join('\n'),
  );
  return `# ${MADE}
# Put into /etc/nginx/conf.d/; the built page into the root below. A header whose value is empty is not sent. Browsers give
# WebGPU, service workers and isolation to https and to this machine (localhost) only.

${maps.join('\n')}

server {
    listen 8080;
    root /var/www/lora-studio;
    index index.html;

${names.map((name) => `    add_header ${name} ${variable(name)} always;`).join('\n')}

    # Types that older versions do not know.
    location ~ \\.m?js$ { types { } default_type text/javascript; }
    location ~ \\.wasm$ { types { } default_type application/wasm; }
    location ~ \\.webmanifest$ { types { } default_type application/manifest+json; }
}
`;
}

function caddy({ all, exceptions }: Disjoint): string {
  const block = (headers: Headers) =>
    Object.entries(headers)
      .map(([name, value]) => `\t\t${name} "${value}"`)
      .join('\n');
  const paths = exceptions.map(({ path }) => path).join(' ');
  return `# ${MADE}
# The name of your host in place of :8080 makes Caddy serve https. Browsers give WebGPU, service workers and isolation to
# https and to this machine (localhost) only.
:8080 {
	root * /var/www/lora-studio
	@all not path ${paths}
	header @all {
${block(all)}
	}
${exceptions
  .map(
    ({ path, headers }, index) => `	@exception${index + 1} path ${path}
	header @exception${index + 1} {
${block(headers)}
	}
`,
  )
  .join('')}	file_server
}
`;
}

/** Of a path with `*`, as a regular expression without its ends. */
function pattern(path: string): string {
  return path.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(HOSTING, { recursive: true });
  for (const [name, text] of Object.entries(await hostingFiles(shippedRules())))
    writeFileSync(HOSTING + name, text);
}
