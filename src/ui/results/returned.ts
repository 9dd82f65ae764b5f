/** Opens a run that was trained elsewhere, from this screen: asked for, or dropped here. */
import { filesOf } from '../elsewhere/returned_files';
import { keptRuns } from '../runs/kept_runs.svelte';
import { studio } from '../studio.svelte';
import { results } from './results.svelte';

/** A folder, or an event file among what is dropped: on this screen these are a run's. */
export function isReturned(transfer: DataTransfer): boolean {
  return [...transfer.items].some(
    (item) =>
      item.kind === 'file' &&
      (item.webkitGetAsEntry()?.isDirectory === true ||
        item.getAsFile()?.name.includes('.tfevents.') === true),
  );
}

/** `dropped` is read before this returns. */
export async function openReturned(dropped?: DataTransfer): Promise<void> {
  const given = dropped && filesOf(dropped);
  const { openReturn } = await import('../elsewhere/open');
  openReturn((run) => void shown(run), given);
}

async function shown(run: string): Promise<void> {
  await results.load(studio.project.id);
  await results.show(run);
  await keptRuns.look(studio.project.id);
}
