/** The page's entry: styles, then the app. Whatever a screen needs comes when that screen is opened. */
import './protocol/own_scripts';
import './ui/shell/no_way_out';
import { mount, unmount } from 'svelte';
import App from './App.svelte';
import { guard, loadAgain, thisPlace } from './ui/shell/guarded';
import type { Why } from './ui/shell/guarded_messages';
import './ui/tokens.css';
import './ui/studio.css';

const target = document.getElementById('app');
if (!target) throw new Error("index.html has no element with the id 'app': the page cannot start.");
void begin(target);

/** No picture is taken before the browser enforces that none leaves. */
async function begin(target: Element): Promise<void> {
  // In development there is neither policy nor service worker.
  if (import.meta.env.DEV) return void mount(App, { target });
  let shown: Promise<Record<string, unknown>> | undefined;
  const show = (why: Why) =>
    (shown = import('./ui/shell/Guarded.svelte').then(({ default: Guarded }) =>
      mount(Guarded, { target, props: { why } }),
    ));
  const verdict = await guard(thisPlace(), () => void show('preparing'));
  if (verdict === 'reload') return loadAgain();
  if (shown) await unmount(await shown);
  if (verdict === 'open') mount(App, { target });
  else await show(verdict);
}
