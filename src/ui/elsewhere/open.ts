/** Opens the dialogs of this room over whatever screen is shown; they come when first asked for. */
import { mount, unmount } from 'svelte';
import type { Run } from '../../storage/runs';
import HandoverDialog from './HandoverDialog.svelte';
import { outgoingProject, outgoingRun } from './outgoing';
import ReturnDialog from './ReturnDialog.svelte';

/** A job from a run, or from the project as it stands. */
export function openHandover(run?: Run): void {
  const dialog = mount(HandoverDialog, {
    target: document.body,
    props: { from: run ? outgoingRun(run) : outgoingProject(), onclose: () => void unmount(dialog) },
  });
}

/** Asks for what came back, or shows what was dropped; `onkept` is told the run that it has become. */
export function openReturn(
  onkept: (run: string) => void,
  given: Promise<readonly File[]> | undefined = undefined,
): void {
  const dialog = mount(ReturnDialog, {
    target: document.body,
    props: { onkept, given, onclose: () => void unmount(dialog) },
  });
}
