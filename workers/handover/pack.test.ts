/** Packing in the worker: into a Blob or a file that was chosen, stopped half-way, and on a disk that is full. */
import { expect, test } from 'vitest';
import { openZip } from '../../src/formats/zip/zip';
import type { OutgoingJob } from '../../src/protocol/handover';
import { cancel, pack } from './pack';

/** The chunks of a picture that travels as it is: 8 bits a channel, no alpha. What it shows is not looked at. */
const PNG = Uint8Array.from([
  ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  ...[0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0, 0, 0, 0, 0],
  ...[0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0, 0, 0, 0],
]);
const job: OutgoingJob = {
  ...{
    config: 'output_name: ink\n',
    baseName: 'photon.safetensors',
    processes: 1,
    cpu: false,
    cropped: false,
  },
  pictures: [1, 1, 5].map((repeats, i) => {
    const file = new Blob([PNG, String(i).repeat(99)]);
    return { name: `${i}.png`, caption: `picture ${i}`, repeats, focus: [0.5, 0.5], file };
  }),
};

/** A file that a person chose; `write` may fail. */
function chosen(write: (bytes: Uint8Array) => void = () => undefined) {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let ended = 'open';
  const handle = {
    name: 'ink.zip',
    createWritable: () =>
      Promise.resolve({
        write: (bytes: Uint8Array<ArrayBuffer>) =>
          Promise.resolve().then(() => {
            write(bytes);
            parts.push(bytes);
          }),
        close: () => Promise.resolve(void (ended = 'closed')),
        abort: () => Promise.resolve(void (ended = 'aborted')),
      }),
  };
  return { to: handle as unknown as FileSystemFileHandle, blob: () => new Blob(parts), ended: () => ended };
}

async function listed(zip: Blob): Promise<[string, string][]> {
  const { entries } = await openZip(zip);
  return Promise.all(
    entries.map(async ({ path, open }) => [path, await (await open()).text()] as const),
  ).then((all) => all.map(([path, text]): [string, string] => [path, text]));
}

test('the file that was chosen has what the Blob has, and progress counts pictures', async () => {
  const counted: number[] = [];
  const blob = await pack(job, undefined, (done) => counted.push(done));
  const file = chosen();
  expect(await pack(job, file.to, () => undefined)).toBeUndefined();
  expect(file.ended()).toBe('closed');
  const files = await listed(blob ?? new Blob());
  expect(await listed(file.blob())).toEqual(files);
  expect(files.map(([path]) => path).filter((path) => path.endsWith('.png'))).toEqual([
    ...['images/1_times/00001-0.png', 'images/1_times/00002-1.png', 'images/5_times/00003-2.png'],
  ]);
  expect(counted.slice(0, 6)).toEqual([0, 1, 1, 2, 2, 3]);
  expect(Math.max(...counted)).toBe(3);
});

test('goes to the trainer of the base model’s family', async () => {
  const of = async (more: Partial<typeof job>) =>
    new Map(await listed((await pack({ ...job, ...more }, undefined, () => undefined)) ?? new Blob()));
  expect((await of({ family: 'sdxl' })).get('run.sh')).toContain('/sdxl_train_network.py"');
  expect((await of({})).get('run.sh')).toContain('/train_network.py"');
});

test('stopped half-way, the file is as it was', async () => {
  const file = chosen();
  const packing = pack(job, file.to, (done) => {
    if (done === 1) cancel();
  });
  await expect(packing).rejects.toMatchObject({ name: 'AbortError' });
  expect(file.ended()).toBe('aborted');
  expect(await pack(job, undefined, () => undefined)).toBeInstanceOf(Blob);
});

test('a disk that is full says so', async () => {
  let left = 300;
  const file = chosen((bytes) => {
    left -= bytes.length;
    if (left < 0) throw new DOMException('no room', 'QuotaExceededError');
  });
  await expect(pack(job, file.to, () => undefined)).rejects.toMatchObject({ name: 'StorageError', code: 'disk-full', facts: { file: 'ink.zip' } }); // prettier-ignore
  expect(file.ended()).toBe('aborted');
});
