import { describe, expect, it } from 'vitest';
import {
  isProjectFile,
  readProject,
  writeProject,
  type SavedPicture,
  type SavedProject,
} from './project_file';
import { writeZip } from './zip_write';

const project: SavedProject = {
  name: 'Ink 墨',
  purpose: 'character',
  trigger: 'inkwash',
  settings: { lora_rank: 32, sample_prompts: ['a cat', 'a dog'] },
  captions: {
    model: 'demo',
    mode: 'append',
    template: '{subject}',
    terms: { subject: ['a hare'] },
    folded: ['a\nb'],
  },
  base: { name: 'my-sd15', demo: false },
};
const pictures: SavedPicture[] = [
  { name: 'a.png', caption: 'red, "quoted"\nsecond line', repeats: 3, focus: [0.25, 1] },
  { name: 'A.PNG', caption: '', repeats: 1, focus: [0.5, 0.5], aside: 'near-duplicate' },
  { name: '../图\\片:1.jpg', caption: '，标注', repeats: 1000, focus: [0, 0] },
];
const bytesOf = ({ name }: SavedPicture) => Promise.resolve(new Blob([`bytes of ${name}`]));

const zipOf = (list: unknown, files: Record<string, string> = {}) =>
  writeZip([
    { path: 'project.json', file: new Blob([typeof list === 'string' ? list : JSON.stringify(list)]) },
    ...Object.entries(files).map(([path, text]) => ({ path, file: new Blob([text]) })),
  ]);

describe('a project as a file', () => {
  it('comes back whole: what was set, each picture with its bytes, its crop and its caption', async () => {
    const done: number[] = [];
    const file = await writeProject(project, pictures, bytesOf, (count) => done.push(count));
    expect(done).toEqual([0, 1, 2, 3]);
    expect(await isProjectFile(file)).toBe(true);
    const opened = await readProject(file);
    expect(opened.project).toEqual(project);
    expect(opened.missing).toEqual([]);
    expect(
      opened.pictures.map(({ name, caption, repeats, focus, aside }) => ({
        name,
        caption,
        repeats,
        focus,
        aside,
      })),
    ).toEqual([
      { ...pictures[0], aside: undefined },
      { ...pictures[1] },
      { ...pictures[2], aside: undefined, name: '.._图_片_1.jpg' },
    ]);
    const texts = await Promise.all(opened.pictures.map(async ({ open }) => (await open()).text()));
    expect(texts).toEqual(pictures.map(({ name }) => `bytes of ${name}`));
    // Two names that differ in case only are two files on every disk.
    expect(new Set(opened.pictures.map(({ path }) => path.toLowerCase())).size).toBe(3);
  });

  it('is told from any other zip, and from what is no zip', async () => {
    expect(await isProjectFile(await zipOf({ network_dim: 4 }))).toBe(false);
    expect(await isProjectFile(await writeZip([{ path: 'a.png', file: new Blob(['a']) }]))).toBe(false);
    expect(await isProjectFile(new Blob(['no zip']))).toBe(false);
    await expect(readProject(await zipOf({ network_dim: 4 }))).rejects.toMatchObject({
      code: 'not-a-project',
    });
    await expect(readProject(await zipOf('{"format":'))).rejects.toMatchObject({ code: 'damaged' });
    await expect(
      readProject(await zipOf({ format: 'lora-studio-project', version: 2 })),
    ).rejects.toMatchObject({
      code: 'newer',
    });
    await expect(readProject(new Blob(['no zip']))).rejects.toMatchObject({ code: 'not-zip' });
  });

  it('trusts nothing: values of the wrong kind, out of range or unknown are left out or put right', async () => {
    const hostile = {
      format: 'lora-studio-project',
      version: 1,
      name: '\u0000\n'.repeat(3),
      purpose: 'world',
      trigger: 'a,b\u2028c',
      settings: { lora_rank: 1e9, epochs: 'many', seed: 7, __proto__x: 1, constructor: 2 },
      captions: { mode: 'erase', model: '../key', terms: { subject: [1, 'a hare', {}] }, tagThreshold: 9 },
      base: { name: 'x'.repeat(5000), demo: 'yes' },
      id: 'another project’s',
      pictures: [
        { path: '../../etc/passwd', name: 'p.png' },
        {
          path: 'pictures/a.png',
          name: 'a/../../b.png',
          caption: 5,
          repeats: -3,
          focus: [7, 'x'],
          aside: 'gone',
        },
        { path: 'pictures/a.png', name: 'the same again.png' },
        null,
        'text',
      ],
    };
    const {
      project: read,
      pictures: found,
      missing,
    } = await readProject(await zipOf(hostile, { 'pictures/a.png': 'A' }));
    expect(read).toEqual({
      name: 'LoRA',
      purpose: 'style',
      trigger: 'ab c',
      settings: { seed: 7 },
      captions: { terms: { subject: ['a hare'] }, tagThreshold: 1 },
      base: { name: 'x'.repeat(200), demo: false },
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      name: 'a_.._.._b.png',
      caption: '',
      repeats: 1,
      focus: [1, 0.5],
    });
    expect(found[0]).not.toHaveProperty('aside');
    expect(missing).toHaveLength(4);
  });
});
