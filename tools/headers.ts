/**
 * The headers that the page ships with, public/_headers; and the Vite plugins that serve the built page with them (what
 * is tested is what is shipped), and say in the page itself what of them it can.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { headersFor, metaPolicy, type HeaderRule } from '../src/protocol/headers.ts';
import { parseHeaderRules } from './headers_file.ts';

export function shippedRules(): HeaderRule[] {
  return parseHeaderRules(readFileSync(new URL('../public/_headers', import.meta.url), 'utf8'));
}

/** Sends them with `vite preview`. */
export function serveHeaders(rules: readonly HeaderRule[]): Plugin {
  return {
    name: 'headers',
    configurePreviewServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost');
        for (const [name, value] of Object.entries(headersFor(pathname, rules)))
          response.setHeader(name, value);
        next();
      });
    },
  };
}

/** Puts policy and referrer into the built page, for hosts that send no headers. Development has none, as Vite needs more. */
export function pagePolicy(rules: readonly HeaderRule[]): Plugin {
  return {
    name: 'page-policy',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html) {
        const { 'Content-Security-Policy': policy = '', 'Referrer-Policy': referrer = '' } = headersFor(
          '/',
          rules,
        );
        const charset = '<meta charset="utf-8" />';
        // Before anything that the policy is about.
        if (!html.includes(charset))
          throw new Error(`index.html has no ${charset} to put the policy behind.`);
        return html.replace(
          charset,
          `${charset}
    <meta http-equiv="Content-Security-Policy" content="${metaPolicy(policy)}" />
    <meta name="referrer" content="${referrer}" />`,
        );
      },
    },
  };
}
