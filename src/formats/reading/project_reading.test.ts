import { expect, test } from 'vitest';
import { writeProject } from '../zip/project_file';
import { readProjectInParts, withFiles, type ListedPicture } from './project_reading';

test('a project of many pictures comes over in parts, and each picture opens', async () => {
  const saved = Array.from({ length: 2300 }, (_, i) => ({
    ...{ name: `${i}.png`, caption: `a cat ${i}`, repeats: 1 + (i % 3), focus: [0.5, 0.25] as const },
  }));
  const project = { name: 'zk', purpose: 'style' as const, trigger: 'zk', settings: { lora_rank: 4 } };
  const file = await writeProject(project, saved, ({ name }) => Promise.resolve(new Blob([name])));
  const parts: (readonly ListedPicture[])[] = [];
  const read = await readProjectInParts(file, (part) => parts.push(structuredClone(part)));
  expect(read).toEqual({ project, missing: [] });
  expect(parts.map(({ length }) => length)).toEqual([1000, 1000, 300]);
  const pictures = await withFiles(file, parts.flat());
  expect(pictures.map(({ name, caption, repeats, focus }) => ({ name, caption, repeats, focus }))).toEqual(
    saved,
  );
  expect(await (await pictures[2299].open()).text()).toBe('2299.png');
  await expect(readProjectInParts(new Blob(['x']), () => 0)).rejects.toMatchObject({ code: 'not-zip' });
});
