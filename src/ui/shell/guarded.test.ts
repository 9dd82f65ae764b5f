/** When the page opens: under a policy of the host or of the service worker, and never without. */
import { expect, test } from 'vitest';
import { guard, type Place } from './guarded';

interface Tried {
  verdict: string;
  /** What was done, in its order. */
  did: string[];
}

/** A browser's tab: what is not said is as on a host without headers, at the first visit. */
async function open(
  place: Partial<Place>,
  { host = false, worker = true, reloaded = false } = {},
): Promise<Tried> {
  const did: string[] = [];
  const verdict = await guard(
    {
      ...{ framed: false, controlled: false, isolated: false, secure: true },
      ...place,
      hostGuards: () => Promise.resolve(did.push('asks the host') > 0 && host),
      install: () => Promise.resolve(did.push('installs') > 0 && worker),
      takeReloaded: () => reloaded,
    },
    () => did.push('waits'),
  );
  return { verdict, did };
}

test('a host that sends policy and isolation: at once, without a service worker', async () => {
  expect(await open({ isolated: true }, { host: true, worker: false })).toEqual({
    verdict: 'open',
    did: ['asks the host'],
  });
});

test('a host that sends nothing: installed, one reload, and then nothing is asked', async () => {
  expect(await open({})).toEqual({
    verdict: 'reload',
    did: ['asks the host', 'waits', 'installs'],
  });
  expect(await open({ controlled: true, isolated: true }, { reloaded: true })).toEqual({
    verdict: 'open',
    did: [],
  });
});

test('isolated is not guarded: a host may send those headers alone', async () => {
  expect((await open({ isolated: true })).verdict).toBe('reload');
});

test('where no service worker answers, it does not open, and does not reload for ever', async () => {
  expect((await open({}, { worker: false })).verdict).toBe('unguarded');
  expect(await open({}, { reloaded: true })).toEqual({ verdict: 'unguarded', did: ['asks the host'] });
});

test('with the policy and without isolation it tries once, and opens all the same', async () => {
  expect((await open({}, { host: true })).verdict).toBe('reload');
  expect((await open({}, { host: true, reloaded: true })).verdict).toBe('open');
  expect((await open({}, { host: true, worker: false })).verdict).toBe('open');
  // On plain http there is no isolation to wait for.
  expect((await open({ secure: false }, { host: true })).did).toEqual(['asks the host']);
});

test('never in a frame', async () => {
  expect((await open({ framed: true, controlled: true, isolated: true }, { host: true })).verdict).toBe(
    'framed',
  );
});
