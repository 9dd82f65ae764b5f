/** Demo sets: pictures and captions served by our own origin, listed in demo/sets.json, taken in like any others. */
import type { Purpose } from '../../../protocol/captioner';
import { isPage, isServed } from '../../served';
import type { Incoming } from './incoming';

export interface DemoSet {
  name: { en: string; zh: string };
  purpose: Purpose;
  trigger: string;
  files: string[];
}

export async function demoSet(name: string): Promise<{ set: DemoSet; incoming: Incoming[] }> {
  const sets = (await (await fetched('sets.json')).json()) as Record<string, DemoSet>;
  const set = Object.hasOwn(sets, name) ? sets[name] : undefined;
  if (!set) throw new Error(`There is no demo set "${name}". Reload the page to get its present version.`);
  const incoming = set.files.map((file) => ({
    path: `${name}/${file}`,
    type: '',
    open: async () => (await fetched(`${name}/${file}`)).blob(),
  }));
  return { set, incoming };
}

async function fetched(path: string): Promise<Response> {
  const response = await fetch(`${import.meta.env.BASE_URL}demo/${path}`).catch(() => undefined);
  if (response && isServed(response)) return response;
  const page = response && isPage(response);
  throw new Error(
    `The demo's ${path} could not be fetched (${page ? 'not on this server' : response ? response.status : 'no connection'}). Go online and try again.`,
  );
}
