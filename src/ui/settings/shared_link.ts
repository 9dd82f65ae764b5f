/** Opens what another person shared: reads the address's hash, and asks. Nothing changes, and nothing ever starts, before a person says so. */
import { mount, unmount } from 'svelte';
import {
  linkMark,
  readShareLink,
  ShareLinkError,
  type LinkedSettings,
} from '../../formats/config/share_link';
import { studio } from '../studio.svelte';
import SharedLinkDialog from './SharedLinkDialog.svelte';

/** `hash` with or without its `#c=`. Resolves when the question stands. */
export async function openSharedLink(hash: string): Promise<void> {
  const read = await readShareLink(hash).catch((error: unknown) => {
    if (error instanceof ShareLinkError) return error;
    throw error;
  });
  forgetLink();
  ask(read);
}

function ask(read: LinkedSettings | ShareLinkError): void {
  const dialog = mount(SharedLinkDialog, {
    target: document.body,
    props: {
      read,
      onclose: () => void unmount(dialog),
    },
  });
}

/** A reload must not ask again. The settings are where the answer shows. */
function forgetLink(): void {
  if (location.hash.startsWith(linkMark)) history.replaceState(null, '', location.pathname + location.search);
  studio.go('settings');
}
