/**
 * `npx lora-studio`: serves the built page on this machine, with its headers, and opens it. The package has no
 * dependencies; package.ts makes it.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseHeaderRules } from '../headers_file.ts';
import { serve } from './server.ts';

const USAGE = `Usage: npx lora-studio [--port 4180] [--no-open]

Serves LoRA Studio on http://127.0.0.1:4180/, for this machine only, and opens it in the browser. What you make is kept
by the browser under that address: with another port it is another studio, with projects of its own.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '4180' },
      'no-open': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) throw new Error(`--port ${values.port}: not a port.`);
  const dist = join(dirname(fileURLToPath(import.meta.url)), 'dist');
  const rules = parseHeaderRules(readFileSync(join(dist, '_headers'), 'utf8'));
  const { address } = await serve(dist, { rules, port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(
      `Port ${port} is taken, by a studio that is open already or by another program. Open http://127.0.0.1:${port}/ to see; with --port you can name another, but projects are kept by address.`,
    );
  });
  console.log(
    `LoRA Studio: ${address}\nFor this machine only. Ctrl-C ends it; what you made stays in the browser.`,
  );
  if (!values['no-open']) open(address);
  return -1;
}

/** In the system's browser. Where there is none, the address was printed. */
function open(address: string): void {
  const [command, ...args] =
    process.platform === 'win32'
      ? ['cmd', '/c', 'start', '', address]
      : [process.platform === 'darwin' ? 'open' : 'xdg-open', address];
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}

main().then(
  (code) => {
    if (code >= 0) process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    console.error(`\n${USAGE}`);
    process.exitCode = 1;
  },
);
