/**
 * Which addresses may become a script, where the browser asks (Trusted Types): files of the studio that were built, and
 * its service worker. Markup and source text may not become anything: the default policy says nothing of them, so the
 * browser refuses. Imported for its effect, first, by the page and by workers that start workers.
 * https://w3c.github.io/trusted-types/dist/spec/
 */
import { studioRoot } from './studio_root';

/** Throws a TypeError for any other address; gives it back as it is. `base`: of the page, or of the worker's script. */
export function ownScript(address: string, base: string): string {
  const { href } = new URL(address, base);
  const root = studioRoot(base).href;
  if (href.startsWith(root) && /^(sw\.js|assets\/[\w.-]+\.m?js)([?#]|$)/.test(href.slice(root.length)))
    return address;
  throw new TypeError(`${address} is no script of the studio.`);
}

interface TrustedTypes {
  createPolicy(name: 'default', rules: { createScriptURL(address: string): string }): unknown;
}

// Not in TypeScript's library, and not in every browser.
(globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('default', {
  createScriptURL: (address) => ownScript(address, location.href),
});
