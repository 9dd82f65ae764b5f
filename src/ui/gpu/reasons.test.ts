/** Every way in which WebGPU can be missing has its own reason. */
import { describe, expect, test } from 'vitest';
import { keeping, looksPrivate } from '../../storage/private_window';
import { whyNoAdapter, whyNoWebGpu } from './reasons';

const agents = {
  chromeWindows: (v: number) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${v}.0.0.0 Safari/537.36`,
  chromeLinux: (v: number) =>
    `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${v}.0.0.0 Safari/537.36`,
  firefoxLinux: (v: number) => `Mozilla/5.0 (X11; Linux x86_64; rv:${v}.0) Gecko/20100101 Firefox/${v}.0`,
  firefoxWindows: (v: number) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:${v}.0) Gecko/20100101 Firefox/${v}.0`,
  firefoxMac: (v: number) =>
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:${v}.0) Gecko/20100101 Firefox/${v}.0`,
  firefoxAndroid: (v: number) => `Mozilla/5.0 (Android 14; Mobile; rv:${v}.0) Gecko/${v}.0 Firefox/${v}.0`,
  safari: (v: number) =>
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${v}.1 Safari/605.1.15`,
  other: () => 'Mozilla/5.0 (compatible; Ladybird/1.0)',
};

describe('no navigator.gpu', () => {
  test('plain http comes before any browser', () => {
    expect(whyNoWebGpu({ secure: false, userAgent: agents.chromeWindows(150) })).toBe('insecure');
  });

  test.each([
    [agents.chromeWindows(112), 'old-chrome'],
    [agents.chromeWindows(150), 'switched-off'],
    [agents.chromeLinux(112), 'old-chrome'],
    [agents.chromeLinux(146), 'chrome-linux'],
    [agents.chromeLinux(147), 'switched-off'],
    [agents.firefoxLinux(150), 'firefox-linux'],
    [agents.firefoxAndroid(150), 'firefox-android'],
    [agents.firefoxWindows(140), 'old-firefox'],
    [agents.firefoxWindows(141), 'switched-off'],
    [agents.firefoxMac(146), 'old-firefox'],
    [agents.firefoxMac(147), 'firefox-mac-intel'],
    [agents.safari(18), 'old-safari'],
    [agents.safari(26), 'switched-off'],
    [agents.other(), 'other-browser'],
  ])('%s: %s', (userAgent, reason) => {
    expect(whyNoWebGpu({ secure: true, userAgent })).toBe(reason);
  });
});

describe('no adapter', () => {
  test.each([
    [agents.chromeWindows(150), false, 'no-adapter'],
    [agents.chromeWindows(150), true, 'locked'],
    [agents.chromeLinux(146), false, 'chrome-linux'],
    [agents.chromeLinux(146), true, 'locked'],
    [agents.firefoxWindows(145), false, 'no-adapter'],
  ] as const)('%s, lost lately %s: %s', (userAgent, lost, reason) => {
    expect(whyNoAdapter({ secure: true, userAgent }, lost)).toBe(reason);
  });
});

describe('private window', () => {
  test('private files refused, or less room than twice the memory limit', () => {
    expect(looksPrivate({ files: false })).toBe(true);
    expect(looksPrivate({ files: true, quota: 4e9, heapLimit: 4e9 })).toBe(true);
    expect(looksPrivate({ files: true, quota: 300e9, heapLimit: 4e9 })).toBe(false);
  });

  test('a browser that says nothing is not accused', () => {
    expect(looksPrivate({ files: true })).toBe(false);
    expect(looksPrivate({ files: true, quota: 1e9 })).toBe(false);
  });
});

describe('what the browser keeps is said beforehand', () => {
  test('no files, a private window, too little room for a base model, or nothing to say', () => {
    expect(keeping({ files: false, quota: 1e12 })).toEqual({ kind: 'no-files' });
    expect(keeping({ files: true, quota: 4e9, heapLimit: 4e9 })).toEqual({
      kind: 'private',
      free: 4e9,
      little: false,
    });
    // A disk that has little looks like one too: the room is said all the same.
    expect(keeping({ files: true, quota: 1e9, usage: 1e8, heapLimit: 4e9 })).toEqual({
      kind: 'private',
      free: 9e8,
      little: true,
    });
    expect(keeping({ files: true, quota: 5e9, usage: 4e9 })).toEqual({
      kind: 'little',
      free: 1e9,
      little: true,
    });
    expect(keeping({ files: true, quota: 5e9, usage: 6e9 })).toEqual({
      kind: 'little',
      free: 0,
      little: true,
    });
    expect(keeping({ files: true, quota: 10e9, usage: 1e9 })).toEqual({ kind: 'all' });
    // Over plain http nothing is known.
    expect(keeping({ files: true })).toEqual({ kind: 'all' });
  });
});
