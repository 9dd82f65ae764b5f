/** Lets the person choose model files: with handles that are remembered where the browser has them, else without. */
export interface Chosen {
  readonly files: readonly File[];
  readonly handles?: readonly FileSystemFileHandle[];
}

interface PickerOptions {
  multiple: boolean;
  id: string;
  types: { description: string; accept: Record<string, string[]> }[];
}

/** Chromium's picker; TypeScript's DOM has no word of it. */
interface WithPicker {
  showOpenFilePicker?(options: PickerOptions): Promise<FileSystemFileHandle[]>;
}

/** Whether `chooseByHandle` can be used; if not, an `<input type="file">` is the way. */
export function hasHandles(): boolean {
  return (window as WithPicker).showOpenFilePicker !== undefined;
}

/** Undefined if the person chose nothing. Call it from a click. */
export async function chooseByHandle(description: string): Promise<Chosen | undefined> {
  const picker = (window as WithPicker).showOpenFilePicker;
  if (!picker) return undefined;
  try {
    const handles = await picker.call(window, {
      multiple: true,
      id: 'base-model',
      types: [
        { description, accept: { 'application/octet-stream': ['.safetensors', '.ckpt', '.pt', '.gguf'] } },
      ],
    });
    return { files: await Promise.all(handles.map((handle) => handle.getFile())), handles };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}

/** Endings of files that people take for a base model; what they are is then told by content. */
export function isModelFile(name: string): boolean {
  return /\.(safetensors|ckpt|pt|pth|bin|gguf)$/i.test(name);
}

/**
 * The model files among what was dropped, with handles where the browser gives them; undefined if there are none.
 * Call it straight from the event: what was dropped is gone afterwards.
 */
export async function droppedModels(transfer: DataTransfer): Promise<Chosen | undefined> {
  const dropped = [...transfer.items].flatMap((item) => {
    const file = item.kind === 'file' ? item.getAsFile() : null;
    return file && isModelFile(file.name) ? [{ file, handle: asHandle(item) }] : [];
  });
  if (dropped.length === 0) return undefined;
  const files = dropped.map(({ file }) => file);
  const handles = (await Promise.all(dropped.map(({ handle }) => handle))).filter(
    (each) => each !== undefined,
  );
  return handles.length === files.length ? { files, handles } : { files };
}

interface WithHandle {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}

async function asHandle(item: DataTransferItem): Promise<FileSystemFileHandle | undefined> {
  const handle = await (item as WithHandle).getAsFileSystemHandle?.().catch(() => null);
  return handle?.kind === 'file' ? (handle as FileSystemFileHandle) : undefined;
}
