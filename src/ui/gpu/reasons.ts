/**
 * Why there is no WebGPU here, from what the page can know: whether it is a secure context, and which browser on which
 * system. A pure function; the sentences are in messages.ts, the asking in preflight.svelte.ts.
 */
export type Missing =
  /** Over plain http, browsers hide WebGPU (and locks, and file storage). */
  | 'insecure'
  | 'firefox-linux'
  | 'firefox-mac-intel'
  | 'firefox-android'
  | 'old-firefox'
  | 'old-safari'
  | 'old-chrome'
  | 'chrome-linux'
  /** A current Chrome or Safari where it was switched off, or a browser that is not known here. */
  | 'switched-off'
  | 'other-browser'
  /** WebGPU is there, but every adapter was refused: driver, blocklist, remote desktop. */
  | 'no-adapter'
  /** The browser has locked the GPU after two crashes; it opens again by itself. */
  | 'locked';

export interface Surroundings {
  readonly secure: boolean;
  readonly userAgent: string;
}

/** The first versions that have WebGPU by default (gpuweb's implementation status). */
const FIRST = { chrome: 113, chromeLinux: 147, firefox: 141, firefoxMac: 147, safari: 26 };

/** Where `navigator.gpu` does not exist. */
export function whyNoWebGpu({ secure, userAgent }: Surroundings): Missing {
  if (!secure) return 'insecure';
  const firefox = version(userAgent, /Firefox\/(\d+)/);
  if (firefox !== undefined) return whyNotFirefox(userAgent, firefox);
  const chrome = version(userAgent, /Chrom(?:e|ium)\/(\d+)/);
  if (chrome !== undefined) return whyNotChrome(userAgent, chrome);
  const safari = userAgent.includes('Safari/') ? version(userAgent, /Version\/(\d+)/) : undefined;
  if (safari !== undefined) return safari < FIRST.safari ? 'old-safari' : 'switched-off';
  return 'other-browser';
}

/** Where `requestAdapter` answered null. `lostLately`: this page, or one of this origin, lost its GPU minutes ago. */
export function whyNoAdapter({ userAgent }: Surroundings, lostLately: boolean): Missing {
  if (lostLately) return 'locked';
  const chrome = version(userAgent, /Chrom(?:e|ium)\/(\d+)/);
  const linux = onLinux(userAgent);
  return linux && chrome !== undefined && chrome < FIRST.chromeLinux ? 'chrome-linux' : 'no-adapter';
}

function whyNotFirefox(userAgent: string, firefox: number): Missing {
  if (/Android/.test(userAgent)) return 'firefox-android';
  if (onLinux(userAgent)) return 'firefox-linux';
  // Firefox says "Intel Mac" on every Mac; the version alone decides until it is past both.
  if (/Mac OS X/.test(userAgent)) return firefox < FIRST.firefoxMac ? 'old-firefox' : 'firefox-mac-intel';
  return firefox < FIRST.firefox ? 'old-firefox' : 'switched-off';
}

function whyNotChrome(userAgent: string, chrome: number): Missing {
  if (chrome < FIRST.chrome) return 'old-chrome';
  return onLinux(userAgent) && chrome < FIRST.chromeLinux ? 'chrome-linux' : 'switched-off';
}

function onLinux(userAgent: string): boolean {
  return /Linux/.test(userAgent) && !/Android/.test(userAgent);
}

function version(userAgent: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(userAgent);
  return found ? Number(found[1]) : undefined;
}
