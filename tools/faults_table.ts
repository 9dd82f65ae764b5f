/** The faults, each with the end it must have. Rows stand in the order in which they are told. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  loraBytes,
  MODEL,
  must,
  NAME,
  NotHere,
  type Place,
  savedStep,
  smallDisk,
  tensorsOf,
  train,
  Training,
  wholeFiles,
} from './faults_kit';

export interface Fault {
  name: string;
  /** What a person sees of it. */
  ends: string;
  /** Takes part in `npm test`; the others take too long for it. */
  short: boolean;
  /** Throws where it did not end so; gives how many steps were lost. */
  run(place: Place, long: boolean): Promise<number>;
}

const LONG = { max_train_steps: 400, save_steps: 0 };
/** What tmpfs gives in whole pages: one LoRA (157 kB) and one state (443 kB), and not the next. */
const ROOM_KB = 700;

/** Makes every device of the process break at SIGUSR2, as a driver does that starts anew. */
const DESTROY_AT_USR2 = `
const devices = [];
// Dawn's objects keep their methods to themselves: the adapter that is given is changed, not its class.
const define = Object.defineProperty;
Object.defineProperty = function (target, name, given) {
  if (name === 'gpu' && given?.value?.requestAdapter) {
    const real = given.value;
    given = { ...given, value: new Proxy(real, { get: (_, key) => key === 'requestAdapter' ? watched(real) : bound(real, key) }) };
  }
  return define.call(this, target, name, given);
};
const bound = (object, key) => { const value = object[key]; return typeof value === 'function' ? value.bind(object) : value; };
const watched = (real) => async (...given) => {
  const adapter = await real.requestAdapter(...given);
  return adapter && new Proxy(adapter, { get: (_, key) => key !== 'requestDevice' ? bound(adapter, key) : async (...wish) => {
    const device = await adapter.requestDevice(...wish);
    devices.push(device);
    return device;
  } });
};
process.on('SIGUSR2', () => devices.forEach((device) => device.destroy()));
`;

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill-9-while-saving',
    ends: 'resumes; the same LoRA as undisturbed, bit for bit',
    short: true,
    async run(place, long) {
      const steps = { max_train_steps: long ? 60 : 6 };
      let most = 0;
      for (let kill = 0; kill < (long ? 50 : 3); kill++) {
        const training = await Training.start(place, steps);
        const before = existsSync(join(place.output, `${NAME}.state.safetensors`))
          ? await savedStep(place)
          : 0;
        const step = before + 1;
        await training.says(`step ${step}/`);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
        training.child.kill('SIGKILL');
        const { text } = await training.ended;
        const told = [...text.matchAll(/^step (\d+)\//gm)].map(([, n]) => Number(n));
        await wholeFiles(place);
        const saved = existsSync(join(place.output, `${NAME}.state.safetensors`))
          ? await savedStep(place)
          : 0;
        most = Math.max(most, Math.max(...told) - saved);
        must(saved >= before, `The state went back from step ${before} to ${saved}`, text);
        must(most <= 1, `${most} steps were lost, of which each was to be saved`, text);
      }
      const { status, text } = await train(place, steps);
      must(status === 0, 'The resumed run did not end', text);
      const names = await wholeFiles(place);
      must(!names.some((name) => /part|lock/.test(name)), `Left behind: ${names.join(', ')}`, text);
      const resumed = await tensorsOf(place);
      await train({ ...place, output: join(place.root, 'whole') }, { ...steps, save_steps: 0 });
      const whole = await tensorsOf({ ...place, output: join(place.root, 'whole') });
      must(resumed.equals(whole), 'The resumed LoRA is another than the undisturbed', text);
      return most;
    },
  },
  ...(['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal): Fault => {
    const status = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal];
    return {
      name: `${signal.toLowerCase()}-once`,
      ends: `finishes the step, saves LoRA and state, exit status ${status}`,
      short: signal !== 'SIGHUP',
      run: (place) =>
        stopped(place, status, (training) => {
          // One press arrives from the terminal, from npm and from tools/run.ts.
          for (let n = 0; n < 3; n++) training.child.kill(signal);
        }),
    };
  }),
  {
    name: 'sigint-twice',
    ends: 'ends at once, exit status 130; nothing half written, the lock gone',
    short: false,
    async run(place) {
      const training = await Training.start(place, { ...LONG, resolution: 512, max_bucket_reso: 512 });
      await training.says('phase: encode');
      training.child.kill('SIGINT');
      await new Promise((resolve) => setTimeout(resolve, 1200));
      training.child.kill('SIGINT');
      const { status, text } = await training.ended;
      must(status === 130, `Exit status ${status}`, text);
      const names = await wholeFiles(place);
      must(!names.some((name) => /part|lock/.test(name)), `Left behind: ${names.join(', ')}`, text);
      return 0;
    },
  },
  {
    name: 'sigint-before-the-first-step',
    ends: '"Stopped; nothing was trained.", exit status 130, no LoRA',
    short: true,
    async run(place) {
      const training = await Training.start(place, LONG);
      await training.says('phase: load');
      training.child.kill('SIGINT');
      const { status, text } = await training.ended;
      must(status === 130 && text.includes('Stopped; nothing was trained.'), `Exit status ${status}`, text);
      must(!existsSync(join(place.output, `${NAME}.safetensors`)), 'A LoRA was written', text);
      return 0;
    },
  },
  {
    name: 'output-closed',
    ends: 'as a closed terminal: finishes the step, saves, exit status 141',
    short: true,
    run: (place) => stopped(place, 141, (training) => void training.child.stdout?.destroy()),
  },
  {
    name: 'parent-killed',
    ends: "npm's shell ended by SIGTERM: the run stops and saves",
    short: false,
    // A shell that waits, as npm's does, and dies of the signal.
    run: (place) => parentKilled(place, ['sh', '-c', '"$@"; true', 'sh'], 'SIGTERM'),
  },
  {
    name: 'runner-killed',
    ends: 'the process that npm waits for ended by SIGKILL: the run stops and saves',
    short: false,
    run: (place) => parentKilled(place, [], 'SIGKILL'),
  },
  {
    name: 'gpu-lost',
    ends: 'said in a sentence, with the state that was saved; exit status 1; resumes to the same LoRA as undisturbed, bit for bit',
    short: false,
    async run(place) {
      const hook = join(place.root, 'hook.mjs');
      await writeFile(hook, DESTROY_AT_USR2);
      const steps = { max_train_steps: 60, save_steps: 1 };
      const training = await Training.start(place, steps, `export NODE_OPTIONS='--import ${hook}';`);
      await training.says('step 3/');
      training.child.kill('SIGUSR2');
      const { status, text } = await training.ended;
      const [, told] = /The GPU was lost \(.*\)\. Saved up to step (\d+): with resume: true the run goes on from/.exec(text) ?? []; // prettier-ignore
      must(status === 1 && told !== undefined, `Exit status ${status}`, text);
      must(Number(told) === (await savedStep(place)), 'Another step is saved than it says', text);
      const last = Math.max(...[...text.matchAll(/^step (\d+)\//gm)].map(([, n]) => Number(n)));
      const rest = { ...steps, max_train_steps: Number(told) + 1 };
      const again = await train(place, rest);
      must(again.status === 0, 'The resumed run did not end', again.text);
      await train({ ...place, output: join(place.root, 'whole') }, { ...rest, save_steps: 0 });
      const whole = await tensorsOf({ ...place, output: join(place.root, 'whole') });
      must((await tensorsOf(place)).equals(whole), 'The resumed LoRA is another', again.text);
      return Math.max(0, last - Number(told));
    },
  },
  {
    name: 'disk-full-at-a-save',
    ends: 'says how much room is needed, goes on, saves at the next save that fits; at the end the LoRA goes elsewhere, exit status 1',
    short: true,
    async run(place) {
      const unmount = await smallDisk(place.output, ROOM_KB);
      try {
        const { status, text } = await train(place);
        must(status === 1, `Exit status ${status}`, text);
        must(
          /The disk is full: .* are needed\. Make room there\. The run goes on/.test(text),
          'No word of it',
          text,
        );
        must(text.includes('done after 4 steps'), 'It did not go on', text);
        const names = await wholeFiles(place);
        must(!names.some((name) => name.endsWith('.part')), `Left behind: ${names.join(', ')}`, text);
        must((await savedStep(place)) >= 1, 'The first state is gone', text);
        for (const [, name] of text.matchAll(/^saved (\S+)/gm))
          must(names.includes(name ?? ''), `${name} was called saved`, text);
        const found = /It was saved to "(.*?\.safetensors)"/.exec(text)?.[1];
        must(found !== undefined && existsSync(found), 'The last LoRA is nowhere', text);
        return 0;
      } finally {
        unmount();
      }
    },
  },
  {
    name: 'disk-full-at-the-last-save',
    ends: 'the LoRA goes to the working folder, its name is printed, exit status 1',
    short: true,
    async run(place) {
      const unmount = await smallDisk(place.output, 100);
      try {
        const { status, text } = await train(place, { save_steps: 0, max_train_steps: 2 });
        must(status === 1, `Exit status ${status}`, text);
        must(
          text.includes(`It was saved to "${join(place.root, `${NAME}.safetensors`)}"`),
          'No word of it',
          text,
        );
        const elsewhere = { ...place, output: place.root };
        must(
          (await loraBytes(elsewhere)).length > 0 && (await savedStep(elsewhere)) === 2,
          'Not whole',
          text,
        );
        return 0;
      } finally {
        unmount();
      }
    },
  },
  {
    name: 'disk-full-under-the-log',
    ends: 'said once, the run goes on; exit status 1, as the last files are not in their place',
    short: false,
    async run(place) {
      // A page for the lock and one for the log, which takes two.
      const unmount = await smallDisk(place.output, 8);
      try {
        const { status, text } = await train(place, { save_steps: 0, max_train_steps: 60 });
        must(text.includes('done after 60 steps') && status === 1, `Exit status ${status}`, text);
        must(text.split('the log is not written').length === 2, 'Not said once', text);
        return 0;
      } finally {
        unmount();
      }
    },
  },
  {
    name: 'output-read-only',
    ends: 'refused before anything is loaded, by the name of the folder, exit status 1',
    short: true,
    async run(place) {
      if (process.platform === 'win32') throw new NotHere('Windows has no such rights');
      const output = join(place.root, 'out');
      const unmount = process.getuid?.() === 0 ? await smallDisk(output, 100) : undefined;
      try {
        if (unmount) await remountReadOnly(output);
        else await chmod(place.root, 0o500);
        const { status, text } = await train({ ...place, root: unmount ? place.root : place.data }, {});
        must(status === 1 && text.includes(`"${output}"`), `Exit status ${status}`, text);
        must(
          /output_dir: [^\n]*Name another output_dir\. Nothing was trained\./.test(text),
          'No word of it',
          text,
        );
        must(!text.includes('phase: load'), 'Something was loaded', text);
        return 0;
      } finally {
        unmount?.();
        await chmod(place.root, 0o700);
      }
    },
  },
  {
    name: 'output-removed',
    ends: 'the folder is made again, and said; nothing is lost',
    short: true,
    async run(place) {
      const training = await Training.start(place, { save_steps: 3 });
      await training.says('step 1/');
      // The training may write into it while it goes.
      await rm(place.output, { recursive: true, maxRetries: 20 });
      const { status, text } = await training.ended;
      must(status === 0, `Exit status ${status}`, text);
      must(text.includes('was gone; it was made again.'), 'No word of it', text);
      must((await savedStep(place)) === 4 && (await loraBytes(place)).length > 0, 'Not saved', text);
      return 0;
    },
  },
  {
    name: 'second-training',
    ends: 'refused by the number of the first, which goes on; exit status 1',
    short: true,
    async run(place) {
      const first = await Training.start(place, LONG);
      await first.says('phase: load');
      const second = await train(place);
      must(second.status === 1, `Exit status ${second.status}`, second.text);
      must(second.text.includes(`(process ${first.child.pid})`), 'No word of the first', second.text);
      must(first.child.exitCode === null, 'The first ended', first.text);
      first.child.kill('SIGKILL');
      await first.ended;
      return 0;
    },
  },
  {
    name: 'picture-removed',
    ends: 'the run has read it, and ends as without',
    short: false,
    async run(place) {
      const training = await Training.start(place);
      await training.says('step 1/');
      await rm(join(place.data, 'red.png'));
      const { status, text } = await training.ended;
      must(status === 0 && text.includes('done after 4 steps'), `Exit status ${status}`, text);
      return 0;
    },
  },
  {
    name: 'picture-repainted-before-resuming',
    ends: 'refused by the name of the picture, with what to do; exit status 1',
    short: true,
    async run(place) {
      const first = await train(place, { max_train_steps: 1, save_steps: 0 });
      must(
        first.text.includes('there is no saved state'),
        'No word of there being nothing to resume',
        first.text,
      );
      const again = await train(place, { max_train_steps: 1, save_steps: 0 });
      must(again.status === 0, `Exit status ${again.status}`, again.text);
      must(/This run is complete: 1 of 1 steps/.test(again.text), 'Not said to be complete', again.text);
      must(!again.text.includes('saved squares'), 'Its file was written again', again.text);
      const blue = await readFile(join(place.data, 'blue.png'));
      // A byte behind the picture: another file, though not another picture than blue.png.
      await writeFile(join(place.data, 'red.png'), Buffer.concat([blue, Buffer.of(0)]));
      const { status, text } = await train(place, { max_train_steps: 2, save_steps: 0 });
      must(status === 1, `Exit status ${status}`, text);
      must(/pictures with other content: red\.png\. Put them back/.test(text), 'Not named', text);
      return 0;
    },
  },
  {
    name: 'base-changed-before-resuming',
    ends: 'refused: one changed tensor is another base model; exit status 1',
    short: false,
    async run(place) {
      const bytes = await readFile(MODEL);
      const base_model = join(place.root, 'base.safetensors');
      await writeFile(base_model, bytes);
      await train(place, { base_model, max_train_steps: 1, save_steps: 0 });
      // Far from the window that old hashes look at.
      bytes[bytes.length - 1000] ^= 1;
      await writeFile(base_model, bytes);
      const { status, text } = await train(place, { base_model, max_train_steps: 2, save_steps: 0 });
      must(status === 1, `Exit status ${status}`, text);
      must(text.includes('the base model is another'), 'Not named', text);
      return 0;
    },
  },
  ...(
    [
      ['state-cut', (bytes) => bytes.subarray(0, bytes.length / 2)],
      ['state-zeroed', (bytes) => bytes.fill(0, bytes.length / 2)],
      [
        'state-bit-flipped',
        (bytes) => bytes.fill((bytes.at(-1000) ?? 0) ^ 64, bytes.length - 1000, bytes.length - 999),
      ],
    ] satisfies [string, (bytes: Buffer) => Buffer][]
  ).map(([name, damage]): Fault => ({
    name,
    ends: 'said, with the steps it costs; goes on from the state before it; the same LoRA, bit for bit',
    short: name === 'state-bit-flipped',
    async run(place) {
      await train(place, { max_train_steps: 4, save_steps: 2 });
      const whole = await tensorsOf(place);
      await rm(place.output, { recursive: true });
      const training = await Training.start(place, { max_train_steps: 4, save_steps: 1 });
      await training.says('saved squares-000003');
      training.child.kill('SIGKILL');
      await training.ended;
      const path = join(place.output, `${NAME}.state.safetensors`);
      const newest = await savedStep(place);
      await writeFile(path, damage(await readFile(path)));
      const { status, text } = await train(place, { max_train_steps: 4, save_steps: 0 });
      must(status === 0, `Exit status ${status}`, text);
      must(
        /newest saved state is damaged\. The run goes on from the one before it, step \d/.test(text),
        'No word of it',
        text,
      );
      must((await tensorsOf(place)).equals(whole), 'The LoRA is another than the undisturbed', text);
      const first = Number(/^step (\d+)\//m.exec(text)?.[1]);
      return newest - first + 1;
    },
  })),
];

/** Disturbs a long run after a step and asks that it saved the step it was in. */
async function stopped(
  place: Place,
  expected: number,
  disturb: (training: Training) => void,
): Promise<number> {
  const training = await Training.start(place, LONG);
  await training.says('step 2/');
  disturb(training);
  const { status, text } = await training.ended;
  must(status === expected, `Exit status ${status} instead of ${expected}`, text);
  const told = [...text.matchAll(/^step (\d+)\//gm)].map(([, n]) => Number(n));
  const step = await savedStep(place);
  must(step >= Math.max(...told), `Saved at step ${step}`, text);
  must((await loraBytes(place)).length > 0, 'No LoRA', text);
  const names = await wholeFiles(place);
  must(!names.some((name) => /part|lock/.test(name)), `Left behind: ${names.join(', ')}`, text);
  return 0;
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 120_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error('It did not happen in two minutes.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function remountReadOnly(path: string): Promise<void> {
  const child = spawn('mount', ['-o', 'remount,ro', path], { stdio: 'ignore' });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new NotHere('mount is not allowed here');
}

/** npm's runner below `shell`, or alone: it is ended by a signal, and the trainer must be gone soon, with whole files. */
async function parentKilled(place: Place, shell: readonly string[], signal: NodeJS.Signals): Promise<number> {
  if (process.platform === 'win32') throw new NotHere('Windows has no such signals');
  const runner = join(import.meta.dirname, '..', 'tools', 'run.ts');
  if (!existsSync(runner)) throw new NotHere('needs the repository');
  const first = await Training.start(place, { ...LONG, resolution: 64 });
  const file = String(first.child.spawnargs.at(-1));
  first.child.kill('SIGKILL');
  await first.ended;
  await rm(place.output, { recursive: true, force: true });
  const [command, ...words] = [
    ...shell,
    process.execPath,
    '--import',
    'tsx',
    runner,
    'train',
    '--config',
    file,
  ];
  const parent = spawn(command, words, { stdio: 'ignore' });
  await until(() => existsSync(join(place.output, 'train.lock')));
  parent.kill(signal);
  await until(() => !existsSync(join(place.output, 'train.lock')));
  await wholeFiles(place);
  return 0;
}
