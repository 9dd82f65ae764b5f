/** Whole journeys, in headless Chromium on SwiftShader, against the built app on a free loopback port. */
import { defineConfig } from '@playwright/test';
import { CHROMIUM_FLAGS, chromiumPath } from './tools/adapters';
import { freePort } from './tools/free_port';

// Workers load this file again and must come to the same port.
const port = (process.env.E2E_PORT ??= String(await freePort()));
const origin = `http://127.0.0.1:${port}`;

export default defineConfig({
  testDir: 'e2e',
  timeout: 360_000,
  expect: { timeout: 120_000 },
  // Two cores: while one journey computes on both, the other loads, compiles or waits.
  workers: 2,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list'], ['json', { outputFile: process.env.E2E_REPORT ?? 'reports/e2e.json' }]],
  use: {
    baseURL: origin,
    trace: 'retain-on-failure',
    // What is not there by then does not come: better a sentence than the test's whole time.
    actionTimeout: 120_000,
    launchOptions: { executablePath: chromiumPath(), args: [...CHROMIUM_FLAGS] },
  },
  webServer: {
    command: `node node_modules/vite/bin/vite.js preview --host 127.0.0.1 --port ${port} --strictPort`,
    url: origin,
    reuseExistingServer: false,
  },
});
