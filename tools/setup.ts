/**
 * Gets what the tests need and npm cannot bring: a Chromium, a Firefox, and Mesa's CPU driver for Vulkan, new enough
 * to have `shader-f16`. What is there already is used; when all is, this takes well under a second and asks nobody.
 * On Debian as root the rest comes from apt; elsewhere Chromium comes from Playwright, and for the others a
 * sentence says what to install. Run by `npm test`, or alone as `npm run setup`.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromiumPath, firefoxPath, lavapipeIcd, swiftshaderIcd, vulkanEnvironment } from './adapters';
import { sourceForSuite } from './apt_sources';
import { dawnOptions, dawnToggles } from './dawn';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** One thing the tests need. `find` says where it is, or undefined; `advice` is for a machine we cannot help. */
interface Need {
  name: string;
  packages: readonly string[];
  find(): string | undefined;
  advice: string;
}

/** The oldest release in which WebGPU was seen to work on Linux; 140 answers that it is not yet available. */
const OLDEST_FIREFOX = 153;

const NEEDS: readonly Need[] = [
  {
    name: 'Chromium',
    packages: ['chromium'],
    find: chromiumPath,
    advice: 'install Chrome or Chromium, or set CHROMIUM_PATH to it',
  },
  {
    name: 'Firefox',
    packages: ['firefox-esr'],
    find: recentFirefox,
    advice: `install Firefox ${OLDEST_FIREFOX} or newer, or set FIREFOX_PATH to it`,
  },
  ...(process.platform === 'linux'
    ? [
        {
          name: 'Vulkan on the CPU with shader-f16',
          packages: ['libvulkan1', 'mesa-vulkan-drivers'],
          find: workingLavapipe,
          advice:
            "install Mesa 24 or newer with its Vulkan driver 'lavapipe', or set LAVAPIPE_ICD to its lvp_icd*.json",
        },
      ]
    : []),
];

/** Finds or installs everything; returns the names of what is still missing. Prints one line for each. */
export function setUp(): string[] {
  const missing = NEEDS.filter((need) => !report(need));
  if (missing.length === 0) return [];

  const { ID = '', ID_LIKE = '', VERSION_CODENAME = '' } = osRelease();
  const root = process.getuid?.() === 0;
  if (root && ID === 'debian') {
    timed('apt', () =>
      aptInstall(
        missing.flatMap((need) => need.packages),
        VERSION_CODENAME,
        true,
      ),
    );
  } else {
    // Ubuntu's browsers are snaps, which a bare machine cannot run; its Mesa is an ordinary package.
    const mesa = missing.find((need) => need.packages.includes('mesa-vulkan-drivers'));
    if (root && mesa && /debian|ubuntu/.test(`${ID} ${ID_LIKE}`)) {
      timed('apt', () => aptInstall(mesa.packages, VERSION_CODENAME, false));
    }
    if (missing.some((need) => need.name === 'Chromium')) timed('playwright', () => playwrightInstall(root));
  }
  const still = missing.filter((need) => !report(need));
  for (const need of still)
    console.error(`set-up: ${need.name} is missing and could not be installed: ${need.advice}.`);
  return still.map((need) => need.name);
}

function report(need: Need): boolean {
  const started = performance.now();
  const found = need.find();
  const ms = Math.round(performance.now() - started);
  console.log(`set-up: ${need.name}: ${found ?? 'not found'} (${ms} ms)`);
  return found !== undefined;
}

function timed(what: string, run: () => void): void {
  const started = performance.now();
  run();
  console.log(`set-up: ${what} took ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

function recentFirefox(): string | undefined {
  const path = firefoxPath();
  if (!path) return undefined;
  const release = Number(/\b(\d+)\./.exec(firefoxVersion(path))?.[1] ?? 0);
  return release >= OLDEST_FIREFOX ? path : undefined;
}

/** From the file beside the program, which is faster than to start it; distributions that wrap it have to be asked. */
function firefoxVersion(path: string): string {
  const file = join(dirname(realpathSync(path)), 'application.ini');
  if (existsSync(file)) return /^Version=(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  return spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 }).stdout ?? '';
}

/**
 * Asks the driver itself rather than a version number. In a process of its own, because a driver that is too old
 * may also crash.
 */
function workingLavapipe(): string | undefined {
  const icd = lavapipeIcd();
  if (!icd) return undefined;
  return askDawn(vulkanEnvironment(icd))?.half ? icd : undefined;
}

/** What a training run in Node would be given here; undefined where Dawn finds nothing. */
function askDawn(environment: Record<string, string>): { name: string; half: boolean } | undefined {
  const script = `
    import { create } from 'webgpu';
    const adapter = await create(${JSON.stringify(dawnOptions())}).requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) process.exit(3);
    const { device, vendor, description } = adapter.info;
    const name = [device || vendor, 'driver ' + description].join(', ');
    process.stdout.write(JSON.stringify({ name, half: adapter.features.has('shader-f16') }));
    process.exit(0);`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) return undefined;
  // The Vulkan loader may have written before it.
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as { name: string; half: boolean };
}

/** Adapter, driver, half precision and Dawn's switches, as `npm run train` and `npm run bench` will find them. */
function reportGpu(): void {
  const found = askDawn(vulkanEnvironment(undefined));
  const toggles = dawnToggles().join(', ') || 'no toggles';
  if (!found) console.log(`set-up: GPU in Node: none found (Dawn with ${toggles})`);
  else
    console.log(
      `set-up: GPU in Node: ${found.name}, half precision ${found.half ? 'yes' : 'no'}, Dawn with ${toggles}`,
    );
  if (found && !found.half && /nvidia/i.test(found.name))
    console.log(
      'set-up: half precision on this card needs NVIDIA driver 615.71 or newer; without it training is slower.',
    );
}

/**
 * Installs with the machine's own sources and, from the same mirror, where they lack them: on Debian the security
 * suite, which alone has current browsers; for Mesa, on a release whose Mesa is too old, the backports suite.
 * Sources and package lists live in a temporary folder: the machine's apt configuration stays as it is.
 */
function aptInstall(packages: readonly string[], codename: string, debian: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'setup-apt-'));
  const parts = join(folder, 'sources.d');
  const lists = join(folder, 'lists');
  mkdirSync(parts);
  mkdirSync(join(lists, 'partial'), { recursive: true });
  const files = machineSources();

  const backports = `${codename}-backports`;
  const needsBackports = packages.includes('mesa-vulkan-drivers') && OLD_MESA.includes(codename);
  const more = [
    debian ? sourceForSuite(files, codename, `${codename}-security`, 'debian-security') : undefined,
    needsBackports ? sourceForSuite(files, codename, backports) : undefined,
  ];
  for (const file of [...files, ...more]) if (file) writeFileSync(join(parts, file.name), file.text);
  const options = [
    `Dir::Etc::sourcelist=/dev/null`,
    `Dir::Etc::sourceparts=${parts}`,
    `Dir::State::lists=${lists}`,
    'APT::Sandbox::User=root', // the temporary folder is ours alone
    'Acquire::Retries=3',
    'Acquire::Languages=none',
    'DPkg::Lock::Timeout=300',
    'Dpkg::Use-Pty=0',
    'Dpkg::Options::=--force-unsafe-io',
  ].flatMap((option) => ['-o', option]);
  const wanted = packages.map((name) =>
    needsBackports && name === 'mesa-vulkan-drivers' ? `${name}/${backports}` : name,
  );
  try {
    run('apt-get', ['-qq', ...options, 'update']);
    run('apt-get', ['-qq', ...options, 'install', '-y', '--no-install-recommends', ...wanted]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Debian releases whose Mesa is older than 24; from 13 (trixie) on, the plain package is new enough. */
const OLD_MESA: readonly string[] = ['bullseye', 'bookworm'];

function machineSources() {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => /\.(list|sources)$/.test(name))
    : [];
  const files = names.map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
  const main = '/etc/apt/sources.list';
  if (existsSync(main)) files.push({ name: 'sources.list', text: readFileSync(main, 'utf8') });
  return files;
}

function playwrightInstall(withLibraries: boolean): void {
  const cli = join(dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')), 'cli.js');
  const linux = process.platform === 'linux';
  run(process.execPath, [cli, 'install', ...(withLibraries && linux ? ['--with-deps'] : []), 'chromium']);
}

/** Output goes through; a failure is left to the search afterwards, which says what is missing. */
function run(command: string, args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  if (status !== 0) {
    console.error(
      `set-up: '${command} ${args.slice(0, 3).join(' ')} …' failed (${error?.message ?? `exit ${status}`}).`,
    );
  }
}

function osRelease(): Record<string, string | undefined> {
  if (!existsSync('/etc/os-release')) return {};
  const pairs = readFileSync('/etc/os-release', 'utf8').matchAll(/^(\w+)="?([^"\n]*)"?$/gm);
  return Object.fromEntries([...pairs].map(([, key, value]) => [key, value]));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv.length > 2) {
    console.error(`There is no option '${process.argv[2]}'. Usage: npm run setup`);
    process.exit(2);
  }
  const missing = setUp();
  console.log(`set-up: SwiftShader: ${swiftshaderIcd() ?? 'not found'}`);
  reportGpu();
  process.exit(missing.length === 0 ? 0 : 1);
}
