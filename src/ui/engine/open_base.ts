/**
 * From what a project remembers of its base model to its bytes: the demo's from our own origin, a remembered file
 * handle (which may need one click to be readable again), a copy in the browser's private files, or files that this page
 * was given.
 */
import { openFile } from '../../storage/files';
import type { BaseModelRef } from '../../storage/projects';
import { BaseModelUnreadable } from '../base_unreadable';
import { isServed } from '../served';
import { ofVisit } from './visit_files';
import { ownFile } from '../../protocol/studio_root';

export const DEMO_BASE = 'demo/base.safetensors';

/**
 * The files, none of them read. `ask`: this is a click, so the browser may be made to ask the person. Rejects with
 * BaseModelUnreadable.
 */
export async function openBase({ name, where }: BaseModelRef, ask = false): Promise<Blob[]> {
  if (where.in === 'demo') return [await fetchDemo()];
  if (where.in === 'stored') {
    return Promise.all(
      where.paths.map((path) =>
        openFile(path).catch((cause: unknown) => {
          const sentence = cause instanceof Error ? cause.message : String(cause);
          throw new BaseModelUnreadable('cleared', name, sentence, { cause });
        }),
      ),
    );
  }
  if (where.in === 'visit') {
    const files = ofVisit(where.key);
    if (files) return [...files];
    throw new BaseModelUnreadable(
      'visit',
      name,
      `This browser does not remember where ${name} lies. Choose it again under Base model on the start screen.`,
    );
  }
  const files: File[] = [];
  for (const handle of where.handles) {
    if (!(await mayRead(handle, ask))) {
      throw new BaseModelUnreadable(
        'permission',
        name,
        `The browser asks again before it reads ${name}. Allow it under Base model on the start screen.`,
      );
    }
    files.push(await fileOf(handle));
  }
  return files;
}

/** Chromium's file handles forget the permission when the last tab closes. Elsewhere there are no such handles. */
interface PermissionedHandle extends FileSystemFileHandle {
  queryPermission?(options: { mode: 'read' }): Promise<PermissionState>;
  requestPermission?(options: { mode: 'read' }): Promise<PermissionState>;
}

async function mayRead(handle: PermissionedHandle, ask: boolean): Promise<boolean> {
  const now = await handle.queryPermission?.({ mode: 'read' });
  if (now === undefined || now === 'granted') return true;
  return ask && (await handle.requestPermission?.({ mode: 'read' })) === 'granted';
}

async function fileOf(handle: FileSystemFileHandle): Promise<File> {
  try {
    return await handle.getFile();
  } catch (cause) {
    throw moved(handle.name, cause);
  }
}

function moved(name: string, cause: unknown): BaseModelUnreadable {
  return new BaseModelUnreadable(
    'moved',
    name,
    `${name} is no longer where it was. Choose it again under Base model on the start screen.`,
    { cause },
  );
}

/** A file that was moved or changed while it was read says so in the browser's words: in ours. All else as it is. */
export function readable(name: string, error: unknown): unknown {
  const gone = error instanceof Error && ['NotFoundError', 'NotReadableError'].includes(error.name);
  return gone ? moved(name, error) : error;
}

let demo: Promise<Blob> | undefined;

/** Once for the page: two requests at a time write one entry of the browser's cache, and it may fail both. */
function fetchDemo(): Promise<Blob> {
  const asked = (demo ??= fetchedDemo());
  asked.catch(() => {
    if (demo === asked) demo = undefined;
  });
  return asked;
}

async function fetchedDemo(): Promise<Blob> {
  try {
    // The service worker keeps it: a second copy in the browser's own cache would only be another thing to go wrong.
    const response = await fetch(ownFile(DEMO_BASE), { cache: 'no-store' });
    if (isServed(response)) return await response.blob();
  } catch (cause) {
    throw new BaseModelUnreadable(
      'offline',
      DEMO_BASE,
      'The demo model is not on this computer yet. Go online once and try again.',
      { cause },
    );
  }
  throw new BaseModelUnreadable(
    'missing',
    DEMO_BASE,
    `The server has no demo model (${DEMO_BASE}). Choose a model of your own.`,
  );
}
