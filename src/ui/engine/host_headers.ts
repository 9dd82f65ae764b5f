/**
 * What the host itself sends, apart from what the service worker adds (it leaves HEAD alone), and what of the policy
 * stands in the page.
 */
import { ownFile } from '../../protocol/studio_root';

/** Of the page, or of another file of the studio. Undefined where there is no network, or no answer to HEAD. */
export async function hostHeaders(path = ''): Promise<Headers | undefined> {
  const answer = await fetch(ownFile(path), { method: 'HEAD', cache: 'no-store' }).catch(() => undefined);
  return answer?.ok ? answer.headers : undefined;
}

/** The policy for content that the build wrote into the page; empty in development. */
export function ownPolicy(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[http-equiv="Content-Security-Policy"]');
  return meta?.content ?? '';
}
