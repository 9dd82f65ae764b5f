/**
 * Starts a browser that puppeteer-core drives, with WebGPU on the CPU: Firefox (by WebDriver BiDi) on Mesa's driver,
 * Chromium (by its own protocol) on SwiftShader. Where they lie on this machine is adapters.ts.
 */
import type { Browser } from 'puppeteer-core';
import puppeteer from 'puppeteer-core';
import { CHROMIUM_FLAGS, chromiumPath, firefoxPath, lavapipeIcd, vulkanEnvironment } from './adapters';

export type BrowserName = 'firefox' | 'chromium';

/** `preferences` are Firefox's, beside those that it needs for WebGPU. Rejects when something is not installed. */
export async function launchBrowser(
  name: BrowserName,
  preferences: Readonly<Record<string, string | number | boolean>> = {},
): Promise<Browser> {
  if (name === 'chromium') {
    return puppeteer.launch({ executablePath: found(chromiumPath(), 'Chromium'), args: [...CHROMIUM_FLAGS] });
  }
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: found(firefoxPath(), 'Firefox'),
    env: { ...process.env, ...vulkanEnvironment(found(lavapipeIcd(), "Mesa's Vulkan driver for the CPU")) },
    extraPrefsFirefox: {
      'dom.webgpu.enabled': true,
      'dom.webgpu.workers.enabled': true,
      'gfx.webgpu.ignore-blocklist': true,
      'datareporting.policy.dataSubmissionEnabled': false,
      'toolkit.telemetry.enabled': false,
      ...preferences,
    },
  });
}

function found(path: string | undefined, what: string): string {
  if (path === undefined) throw new Error(`${what} was not found: run 'npm run setup'.`);
  return path;
}
