/**
 * From a model's key to its bytes: the studio's own small CLIP from our own origin, or files kept in the browser's
 * private ones. Nothing here says whether they are what they claim to be: the captioner looks at them.
 */
import { sha256Hex } from '../../formats/safetensors/sha256';
import type { CaptionModel, ExternalFile } from '../../protocol/captioner';
import {
  captionerKey,
  getCaptioner,
  type CaptionerRole,
  type StoredCaptioner,
} from '../../storage/captioners';
import { openFile } from '../../storage/files';
import { inLanguage } from '../language.svelte';
import { isServed } from '../served';
import { messages } from './messages';
import { ownFile } from '../../protocol/studio_root';

/** Key of the CLIP that comes with the studio; it knows the demo's coloured shapes and no more. */
export const DEMO_MODEL = 'demo';
const DEMO_FILES = { vision: 'demo/clip_vision.onnx', text: 'demo/clip_text.onnx' } as const;

export type OnBytes = (done: number, total: number | undefined) => void;

/** Rejects with a sentence if it cannot be had, or with the signal's reason. */
export async function openModel(key: string, onBytes: OnBytes, signal: AbortSignal): Promise<CaptionModel> {
  if (key === DEMO_MODEL) return openDemo(onBytes, signal);
  const stored = await getCaptioner(key);
  if (!stored) throw new Error(inLanguage(messages).modelGone);
  const file = (role: CaptionerRole) => fileOf(stored, role);
  const external: ExternalFile[] = [];
  for (const { role, name, path } of stored.files)
    if (role === 'external') external.push({ name, file: await openFile(path) });
  return stored.kind === 'clip'
    ? {
        kind: 'clip',
        key,
        external,
        vision: await file('vision'),
        text: await file('text'),
        vocabulary: 'general',
      }
    : { kind: 'tagger', key, external, model: await file('model'), tags: await file('tags') };
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
    digests.push({ role, sha256: await sha256Hex(new Uint8Array(await blob.arrayBuffer())) });
  }
  return { kind: 'clip', key: captionerKey(digests), vision: parts[0], text: parts[1], vocabulary: 'demo' };
}

async function fetched(path: string, onDone: (done: number) => void, signal: AbortSignal): Promise<Blob> {
  const response = await fetch(ownFile(path), { signal }).catch(() => undefined);
  signal.throwIfAborted();
  if (!response?.body || !isServed(response)) throw new Error(inLanguage(messages).demoMissing);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  const reader = response.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    parts.push(piece.value);
    onDone((done += piece.value.length));
  }
  return new Blob(parts);
}
