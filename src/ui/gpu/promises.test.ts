/** Who keeps which promise, by what the host answers. */
import { expect, test } from 'vitest';
import { keepers } from './promises';

const policy = "default-src 'self'; object-src 'none'";
const all = new Headers({
  'Content-Security-Policy': `${policy}; frame-ancestors 'none'`,
  'Connection-Allowlist': '(response-origin)',
  'Permissions-Policy': 'camera=(), microphone=()',
  'Cross-Origin-Embedder-Policy': 'require-corp',
});

test('a host that sends everything keeps everything', () => {
  const answers = { page: all, script: all, policy, controlled: true, isolated: true };
  expect(new Set(Object.values(keepers(answers)))).toEqual(new Set(['host']));
});

test('a host that sends nothing, or cannot be asked: the service worker', () => {
  for (const page of [new Headers({ server: 'x' }), undefined]) {
    const answers = { page, script: page, policy, controlled: true, isolated: true };
    expect(new Set(Object.values(keepers(answers)))).toEqual(new Set(['worker']));
  }
});

test('each header for itself', () => {
  const page = new Headers({ 'Content-Security-Policy': policy, 'Permissions-Policy': 'geolocation=()' });
  expect(keepers({ page, script: all, policy, controlled: false, isolated: false })).toEqual({
    ...{ page: 'host', workers: 'host' },
    ...{ leaving: 'nobody', frames: 'nobody', devices: 'nobody', isolated: 'nobody' },
  });
  const weaker = new Headers({ 'Content-Security-Policy': "default-src 'self'" });
  expect(keepers({ page: weaker, script: weaker, policy, controlled: true, isolated: true })).toMatchObject({
    ...{ page: 'worker', workers: 'worker' },
  });
});
