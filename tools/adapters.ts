/**
 * Where this machine keeps what the tests run on: browsers, and the Vulkan drivers that work on the CPU
 * (an ICD is the JSON file that tells the Vulkan loader where a driver lies). Looks, never installs: that is setup.ts.
 * A path in `CHROMIUM_PATH`, `FIREFOX_PATH`, `LAVAPIPE_ICD` or `SWIFTSHADER_ICD` wins over the search.
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** An installed Chrome or Chromium, else Playwright's own, else undefined. */
export function chromiumPath(): string | undefined {
  return firstExisting([process.env.CHROMIUM_PATH, ...CHROMIUM]) ?? playwrightChromium();
}

/** An installed Firefox, else undefined. (Playwright's own is patched and does not speak WebDriver BiDi.) */
export function firefoxPath(): string | undefined {
  return firstExisting([process.env.FIREFOX_PATH, ...FIREFOX]);
}

/** Mesa's Vulkan driver for the CPU: has `shader-f16` and subgroups of 8 from Mesa 24 on. */
export function lavapipeIcd(): string | undefined {
  const found = ICD_FOLDERS.flatMap((folder) =>
    list(folder)
      .filter((name) => /^lvp_icd.*\.json$/.test(name))
      // Several on a multi-arch machine: the one of this processor, or the one that names none.
      .filter((name) => !/\.(i686|x86_64|aarch64)\./.test(name) || name.includes(`.${MACHINE}.`))
      .map((name) => join(folder, name)),
  );
  return firstExisting([process.env.LAVAPIPE_ICD, ...found]);
}

/** Chromium's own Vulkan driver for the CPU, lying beside the browser: no `shader-f16`, subgroups of 4. */
export function swiftshaderIcd(): string | undefined {
  const browser = chromiumPath();
  const folders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/usr/lib64/chromium-browser'];
  if (browser) folders.unshift(dirname(realpathSync(browser)));
  return firstExisting([
    process.env.SWIFTSHADER_ICD,
    ...folders.map((f) => join(f, 'vk_swiftshader_icd.json')),
  ]);
}

/**
 * The environment a process needs to find only that driver (and to keep the Vulkan loader quiet). It is read when
 * Dawn's `create` or Firefox starts, so setting `process.env` in the same process before that is enough.
 * An undefined driver changes nothing: the loader then finds what the machine has, for example its GPU.
 */
export function vulkanEnvironment(icd: string | undefined): Record<string, string> {
  const runtime = process.env.XDG_RUNTIME_DIR ?? tmpdir();
  return { XDG_RUNTIME_DIR: runtime, ...(icd ? { VK_ICD_FILENAMES: icd } : {}) };
}

/** Chromium's flags for WebGPU on SwiftShader, with nothing of its own on the network. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // Chromium refuses to start as root with its sandbox on.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

const CHROMIUM = [
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

const FIREFOX = [
  '/usr/bin/firefox-esr',
  '/usr/bin/firefox',
  '/usr/local/bin/firefox',
  '/opt/firefox/firefox',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
  'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
];

const ICD_FOLDERS = ['/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];
const MACHINE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

function playwrightChromium(): string | undefined {
  try {
    const { chromium } = createRequire(import.meta.url)('playwright-core') as {
      chromium: { executablePath(): string };
    };
    return firstExisting([chromium.executablePath()]);
  } catch {
    // Playwright does not know this platform: then it has no Chromium for it either.
    return undefined;
  }
}

function firstExisting(paths: readonly (string | undefined)[]): string | undefined {
  return paths.find((path) => path !== undefined && path !== '' && existsSync(path));
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
