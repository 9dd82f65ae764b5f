/**
 * Files dropped or pasted anywhere on the page: a model becomes the base model, a project file a project, a configuration
 * goes to the settings, all else to the pictures. A screen that takes an event itself prevents its default, and it is left alone here.
 */
import { dataset } from '../pictures/dataset.svelte';
import { baseModel } from './base_model.svelte';
import { isModelFile, droppedModels } from './choose_files';
import { studio } from '../studio.svelte';
import { projectFile } from './project_file.svelte';

export function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes('Files') ?? false;
}

export function takeDropped(event: DragEvent): void {
  const transfer = event.dataTransfer;
  if (!transfer || !hasFiles(transfer) || event.defaultPrevented) return;
  event.preventDefault();
  const zip = onlyZip(transfer);
  if (zip) {
    void takeFiles([zip]).then(showPictures);
    return;
  }
  if (studio.readOnly) return;
  const files = [...transfer.files];
  if (isAdapter(files)) {
    void import('./open_further').then(({ openFurtherFrom }) => openFurtherFrom(files));
    return;
  }
  // Both read the transfer before they return: it is empty after the event.
  const models = droppedModels(transfer);
  const others = files.filter(({ name }) => !isModelFile(name));
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

/** Files that were chosen: a project file alone opens as a project, what else there is goes to the pictures. */
export async function takeFiles(files: readonly File[]): Promise<void> {
  const [file] = files;
  if (files.length === 1 && /\.zip$/i.test(file.name) && (await projectFile.take(file))) return;
  await dataset.add(files, (config) => void readConfig(config));
}

/** peft's two files: a LoRA to train on from. */
function isAdapter(files: readonly File[]): boolean {
  return (
    files.length === 2 && files.every(({ name }) => /^adapter_(model\.safetensors|config\.json)$/.test(name))
  );
}

/** Read before the event is over. A folder may be called so too. */
function onlyZip({ items }: DataTransfer): File | undefined {
  const [item, more] = items;
  const file = more === undefined && item?.kind === 'file' ? item.getAsFile() : undefined;
  if (!file || !/\.zip$/i.test(file.name) || item.webkitGetAsEntry()?.isDirectory) return undefined;
  return file;
}

/** A training configuration among the pictures. */
export async function readConfig(file: File): Promise<void> {
  const { importConfig } = await import('./import_config');
  await importConfig(file);
}

function showPictures(): void {
  if ((studio.stage === 'start' || studio.stage === 'help') && dataset.pictures.length > 0)
    studio.go('images');
}
