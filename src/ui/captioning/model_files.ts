/**
 * From a model's key to its bytes: the studio's own small CLIP from our own origin, or files kept in the browser's
 * private ones. Nothing here says whether they are what they claim to be: the captioner looks at them.
 */
import type { CaptionModel } from '../../protocol/captioner';
import {
  captionerKey,
  getCaptioner,
  type CaptionerRole,
  type StoredCaptioner,
} from '../../storage/captioners';
import { openFile } from '../../storage/files';
import { inLanguage } from '../language.svelte';
import { messages } from './messages';

/** Key of the CLIP that comes with the studio; it knows the demo's coloured shapes and no more. */
export const DEMO_MODEL = 'demo';
const DEMO_FILES = { vision: '/demo/clip_vision.onnx', text: '/demo/clip_text.onnx' } as const;

export type OnBytes = (done: number, total: number | undefined) => void;

/** Rejects with a sentence if it cannot be had, or with the signal's reason. */
export async function openModel(key: string, onBytes: OnBytes, signal: AbortSignal): Promise<CaptionModel> {
  if (key === DEMO_MODEL) return openDemo(onBytes, signal);
  const stored = await getCaptioner(key);
  if (!stored) throw new Error(inLanguage(messages).modelGone);
  const file = (role: CaptionerRole) => fileOf(stored, role);
  return stored.kind === 'clip'
    ? { kind: 'clip', key, vision: await file('vision'), text: await file('text'), vocabulary: 'general' }
    : { kind: 'tagger', key, model: await file('model'), tags: await file('tags') };
}

async function fileOf({ files }: StoredCaptioner, role: CaptionerRole): Promise<Blob> {
  const file = files.find((each) => each.role === role);
  if (!file) throw new Error(inLanguage(messages).modelGone);
  return openFile(file.path);
}

async function openDemo(onBytes: OnBytes, signal: AbortSignal): Promise<CaptionModel> {
  let before = 0;
  const parts: Blob[] = [];
  const digests: { role: CaptionerRole; sha256: string }[] = [];
  for (const role of ['vision', 'text'] as const) {
    const blob = await fetched(DEMO_FILES[role], (done) => onBytes(before + done, undefined), signal);
    before += blob.size;
    parts.push(blob);
    digests.push({ role, sha256: await smallDigest(blob) });
  }
  return { kind: 'clip', key: captionerKey(digests), vision: parts[0], text: parts[1], vocabulary: 'demo' };
}

async function fetched(path: string, onDone: (done: number) => void, signal: AbortSignal): Promise<Blob> {
  const response = await fetch(path, { signal }).catch(() => undefined);
  signal.throwIfAborted();
  // Static hosts answer what they do not have with the page itself.
  const page = response?.headers.get('content-type')?.startsWith('text/html');
  if (!response?.ok || !response.body || page) throw new Error(inLanguage(messages).demoMissing);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  const reader = response.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    parts.push(piece.value);
    onDone((done += piece.value.length));
  }
  return new Blob(parts);
}

/** Of a few megabytes: the browser's own is quick, and not on this thread. */
async function smallDigest(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
