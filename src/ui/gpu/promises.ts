/**
 * The studio's promises, and on whose word the browser keeps each: a header of the host, one that the service worker adds,
 * or none. Pure: the answers of the host are given.
 */
import { holds } from '../../protocol/headers';

export const PROMISES = ['page', 'workers', 'leaving', 'frames', 'devices', 'isolated'] as const;
export type Promised = (typeof PROMISES)[number];
export type Keeper = 'host' | 'worker' | 'nobody';

export interface Answers {
  /** What the host sends with the page and with a script; undefined where it could not be asked. */
  readonly page: Headers | undefined;
  readonly script: Headers | undefined;
  /** What stands in the page. */
  readonly policy: string;
  /** The service worker answers for this page. */
  readonly controlled: boolean;
  readonly isolated: boolean;
}

export function keepers({
  page,
  script,
  policy,
  controlled,
  isolated,
}: Answers): Readonly<Record<Promised, Keeper>> {
  const csp = page?.get('content-security-policy') ?? null;
  const by = (host: boolean): Keeper => (host ? 'host' : controlled ? 'worker' : 'nobody');
  return {
    page: by(holds(csp, policy)),
    workers: by(holds(script?.get('content-security-policy') ?? null, policy)),
    leaving: by(page?.get('connection-allowlist') === '(response-origin)'),
    frames: by(holds(csp, "frame-ancestors 'none'")),
    devices: by(/\bcamera=\(\)/.test(page?.get('permissions-policy') ?? '')),
    isolated: isolated ? by(page?.has('cross-origin-embedder-policy') === true) : 'nobody',
  };
}
