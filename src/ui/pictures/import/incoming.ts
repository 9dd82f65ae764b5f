/**
 * Files on their way in, wherever they come from: dropped, chosen, pasted; folders are walked. Nothing is read yet.
 */
export interface Incoming {
  /** With folders, '/' between them. */
  path: string;
  /** MIME type as the browser guesses it; '' if it does not. */
  type: string;
  /**
   * Bytes and milliseconds since 1970, where they are known before it is opened; without `modified` its file knows.
   * Asking a chosen file takes a moment each: ask only where it matters, and not all at once.
   */
  readonly size?: number;
  readonly modified?: number | undefined;
  open(): Promise<Blob>;
}

export type Source = DataTransfer | Iterable<File>;

/** Reads `source` before it returns: a DataTransfer is empty after its event. The promise waits for the folders. */
export function incomingFrom(source: Source, onFound?: (files: number) => void): Promise<Incoming[]> {
  if (typeof DataTransfer === 'undefined' || !(source instanceof DataTransfer)) {
    return Promise.resolve([...(source as Iterable<File>)].map((file) => incomingFile(file)));
  }
  const found: Incoming[] = [];
  const roots: FileSystemEntry[] = [];
  for (const item of source.items) {
    if (item.kind !== 'file') continue;
    const entry = item.webkitGetAsEntry();
    const file = item.getAsFile();
    // A pasted picture is a file without an entry; a folder an entry without a file.
    if (entry?.isDirectory) roots.push(entry);
    else if (file) found.push(incomingFile(file));
  }
  return walk(roots, found, onFound);
}

export function incomingFile(file: File): Incoming {
  return {
    path: file.webkitRelativePath || file.name,
    type: file.type,
    get size() {
      return file.size;
    },
    get modified() {
      return file.lastModified;
    },
    open: () => Promise.resolve(file),
  };
}

async function walk(
  roots: FileSystemEntry[],
  found: Incoming[],
  onFound?: (files: number) => void,
): Promise<Incoming[]> {
  const waiting = [...roots];
  for (let entry = waiting.pop(); entry; entry = waiting.pop()) {
    if (entry.isDirectory) {
      try {
        for (const inner of await entriesOf(entry as FileSystemDirectoryEntry)) waiting.push(inner);
      } catch (error) {
        found.push(unlisted(entry, error));
      }
      onFound?.(found.length);
    } else {
      found.push(ofEntry(entry as FileSystemFileEntry));
    }
  }
  return found;
}

function ofEntry(entry: FileSystemFileEntry): Incoming {
  const open = () => new Promise<File>((resolve, reject) => entry.file(resolve, reject));
  return { path: pathOf(entry), type: '', open };
}

/** A folder that may not be read, in the guise of a picture that cannot be: it is told with those. */
function unlisted(folder: FileSystemEntry, error: unknown): Incoming {
  return { path: pathOf(folder), type: 'image/', open: () => Promise.reject(error) };
}

function pathOf({ fullPath }: FileSystemEntry): string {
  return fullPath.replace(/^\//, '');
}

/** Browsers hand out a hundred at a time, and an empty list at the end. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}
