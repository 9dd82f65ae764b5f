/**
 * Where a chosen base model is remembered: by its handle, by a copy, or, of a large one without a handle, for this visit;
 * its copy is made when a person asks for it.
 */
import '../../storage/fake_indexeddb.testing';
import { beforeEach, expect, test, vi } from 'vitest';
import { BaseModelUnreadable } from '../base_unreadable';
import { openBase } from '../engine/open_base';
import { studio } from '../studio.svelte';
import { baseModel } from './base_model.svelte';

const copied: string[] = [];
let refuse: Error | undefined;

vi.mock('./recognise', () => ({
  recogniseBase: (files: readonly File[]) =>
    Promise.resolve({ fits: true, family: 'sdxl', name: 'pony', files, marks: {} }),
}));
vi.mock('../../storage/files', () => ({
  deleteFile: () => Promise.resolve(),
  openFile: (path: string) => Promise.resolve(new File([], path)),
  storeFile: (name: string) => {
    if (refuse) return Promise.reject(refuse);
    copied.push(name);
    return Promise.resolve(`models/${name}`);
  },
}));

/** As long as it says, and empty. */
function file(size: number, name = 'pony.safetensors'): File {
  return Object.defineProperty(new File([], name), 'size', { value: size });
}
const handle = { name: 'pony.safetensors', getFile: () => Promise.resolve(file(7e9)) };
const handles = [handle as unknown as FileSystemFileHandle];

beforeEach(() => {
  copied.length = 0;
  refuse = undefined;
  const times = { createdAt: 0, changedAt: 0 };
  studio.project = { id: 'p', name: 'Ink wash', ...times, purpose: 'style', trigger: '', settings: {} };
});

test('a handle is kept as it is, whatever the size', async () => {
  await baseModel.choose([file(7e9)], handles);
  expect(studio.project.base?.where).toEqual({ in: 'handle', handles });
  expect(copied).toEqual([]);
});

test('without one a model of 2 GB is copied, and one of 7 GB is read where it lies until the page closes', async () => {
  await baseModel.choose([file(2.1e9)]);
  expect(studio.project.base?.where).toEqual({ in: 'stored', paths: ['models/pony.safetensors'] });
  copied.length = 0;

  const large = file(6.9e9);
  await baseModel.choose([large]);
  const { base } = studio.project;
  expect(base).toMatchObject({ name: 'pony', byteLength: 6.9e9, where: { in: 'visit', count: 1 } });
  expect(copied).toEqual([]);
  expect(baseModel.readable).toBe('yes');
  if (!base) return;
  expect(await openBase(base)).toEqual([large]);
  // Another page, or this one reloaded, has no such files.
  const elsewhere = openBase({ ...base, where: { in: 'visit', key: 'of another page', count: 1 } });
  await expect(elsewhere).rejects.toThrow(BaseModelUnreadable);
  await expect(elsewhere).rejects.toMatchObject({ reason: 'visit', model: 'pony' });
});

test.each([
  ['for this visit', undefined],
  ['by its handle', handles],
])('what is kept %s is copied when the person asks', async (_, given) => {
  await baseModel.choose([file(7e9)], given);
  const before = studio.project.base;
  refuse = new DOMException('stopped', 'AbortError');
  await baseModel.keepCopy();
  expect(baseModel.choosing).toEqual({ state: 'idle' });
  expect(studio.project.base).toEqual(before);
  refuse = undefined;
  await baseModel.keepCopy();
  expect(studio.project.base).toEqual({
    ...before,
    where: { in: 'stored', paths: ['models/pony.safetensors'] },
  });
  expect(copied).toEqual(['pony.safetensors']);
  await baseModel.keepCopy();
  expect(copied).toHaveLength(1);
});
