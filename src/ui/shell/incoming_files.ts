/**
 * Files dropped or pasted anywhere on the page: a model becomes the base model, a configuration goes to the settings,
 * all else to the pictures. A screen that takes an event itself prevents its default, and it is left alone here.
 */
import { dataset } from '../dataset/dataset.svelte';
import { baseModel } from '../start/base_model.svelte';
import { isModelFile, droppedModels } from '../start/choose_files';
import { studio } from '../studio.svelte';

export function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes('Files') ?? false;
}

export function takeDropped(event: DragEvent): void {
  const transfer = event.dataTransfer;
  if (!transfer || !hasFiles(transfer) || event.defaultPrevented) return;
  event.preventDefault();
  if (studio.readOnly) return;
  // Both read the transfer before they return: it is empty after the event.
  const models = droppedModels(transfer);
  const others = [...transfer.files].filter(({ name }) => !isModelFile(name));
  const added = others.length > 0 ? dataset.add(transfer, (file) => void readConfig(file)) : undefined;
  void models.then((chosen) => {
    if (!chosen) return;
    studio.go('start');
    void baseModel.choose(chosen.files, chosen.handles);
  });
  void added?.then(showPictures);
}

export function takePasted(event: ClipboardEvent): void {
  const transfer = event.clipboardData;
  if (!transfer || transfer.files.length === 0 || event.defaultPrevented || studio.readOnly) return;
  event.preventDefault();
  void dataset.add(transfer, (file) => void readConfig(file)).then(showPictures);
}

/** A training configuration among the pictures. */
export async function readConfig(file: File): Promise<void> {
  const { importConfig } = await import('../settings/import_config');
  await importConfig(file);
}

function showPictures(): void {
  if ((studio.stage === 'start' || studio.stage === 'help') && dataset.pictures.length > 0) studio.go('images');
}
