/**
 * The table of what can happen to a run in the browser: `npm run faults -- --browser` runs all of it, with names only those.
 * Rows of their own are in this folder, a test each; the others are journeys of `npm test`, named by their title.
 */
export interface Row {
  readonly name: string;
  /** What a person sees of it. */
  readonly ends: string;
  /** Where it is a journey of npm test: its file, and how its title begins. */
  readonly journey?: readonly [file: string, title: string];
  /** Takes part in `npm test`. */
  readonly short?: boolean;
  /** Steps that must be trained again; of rows of this folder each says so itself. */
  readonly lost?: number;
}

const SAME = 'the same LoRA as undisturbed, byte for byte';

export const ROWS: readonly Row[] = [
  {
    name: 'tab-reloaded',
    ends: `asked before it goes; the run is offered, and ends in ${SAME}`,
    journey: ['resume.spec.ts', 'a reload in the middle'],
    lost: 1,
  },
  { name: 'tab-crashed', ends: `the run is offered, and ends in ${SAME}` },
  { name: 'browser-killed', ends: `the run is offered after the next start, and ends in ${SAME}` },
  {
    name: 'gpu-process-killed',
    ends: `goes on by itself from the last save, says so, and ends in ${SAME}`,
    journey: ['resume.spec.ts', 'the GPU process is killed in the middle'],
    lost: 1,
  },
  {
    name: 'gpu-process-killed-twice',
    ends: 'waits for the browser to open the GPU again, with a countdown, which "Try again" keeps; "Stop and keep" ends it at the last save',
  },
  {
    name: 'gpu-locked-at-opening',
    ends: 'a countdown on the start screen, which goes on by itself',
    journey: ['shell.spec.ts', 'locked after a crash'],
    lost: 0,
  },
  {
    name: 'device-destroyed',
    ends: `a lost GPU, not a stop: goes on by itself from the last save, and ends in ${SAME}`,
  },
  {
    name: 'gpu-hangs',
    ends: 'after four minutes (one on a graphics card) "The GPU does not answer."; Stop ends at the last save',
  },
  {
    name: 'worker-hangs',
    ends: `after two minutes (half of one on a graphics card) "The trainer does not answer."; goes on in a new one, and ends in ${SAME}`,
  },
  { name: 'worker-closed', ends: 'the same sentence; Stop ends the run at its last save' },
  { name: 'worker-throws', ends: `said; "Try again" goes on from the last save, and ends in ${SAME}` },
  { name: 'sleep', ends: `stopped for a minute and a half, as by sleep: no alarm, and ${SAME}` },
  {
    name: 'loss-not-a-number',
    ends: 'paused, with what to do; nothing that is spoiled is kept',
  },
  {
    name: 'loss-runs-away',
    ends: 'paused, and goes on from before with a lower rate',
    journey: ['diverging.spec.ts', 'a run that diverges'],
    lost: 0,
  },
  { name: 'state-cut', ends: `said; goes on from the state before it, and ends in ${SAME}` },
  { name: 'state-half-zeroed', ends: `said; goes on from the state before it, and ends in ${SAME}` },
  { name: 'state-bit-flipped', ends: `said; goes on from the state before it, and ends in ${SAME}` },
  { name: 'record-of-an-older-version', ends: `is shown, resumes, and ends in ${SAME}` },
  {
    name: 'record-of-a-newer-version',
    ends: 'the setting it does not know is named; what was saved is under Results',
  },
  { name: 'project-with-junk', ends: 'opens, and the run in it is offered' },
  { name: 'base-model-moved', ends: 'named, with where to choose it again; what was saved stays' },
  { name: 'base-model-changed', ends: 'refused by name; what was saved stays' },
  { name: 'picture-gone', ends: 'the picture is named; what was saved stays' },
  { name: 'runs-deleted', ends: 'the page opens; no run is offered' },
  {
    name: 'storage-cleared',
    ends: 'said; the run goes on in memory, ends, and its LoRA is kept and can be downloaded',
  },
  {
    name: 'storage-full-for-pictures',
    ends: 'those that found room stay, the rest is said; comes when there is more',
    journey: ['full_storage.spec.ts', 'pictures: those that found room'],
    lost: 0,
  },
  {
    name: 'storage-full-for-the-base-model',
    ends: 'not half of it is copied; said with the remedy',
    journey: ['full_storage.spec.ts', 'a base model: not half'],
    lost: 0,
  },
  {
    name: 'storage-full-for-a-checkpoint',
    ends: 'goes on in memory; the file can be had, and is kept once there is room',
    journey: ['full_storage.spec.ts', 'a run goes on in memory'],
    lost: 0,
  },
  {
    name: 'no-private-files',
    ends: 'said on the first screen, with what will not survive',
    short: true,
  },
  { name: 'small-quota', ends: 'said on the first screen, with what does not fit', short: true },
  {
    name: 'two-tabs',
    ends: 'the second can look, not change, and goes on when the first closes',
    journey: ['shell.spec.ts', 'a second tab of the same project'],
    lost: 0,
  },
  { name: 'second-tab-in-mid-run', ends: 'the run is not offered there, and ends here' },
  {
    name: 'newer-version',
    ends: 'waits until a person takes it',
    journey: ['shell.spec.ts', 'a newer version waits'],
    lost: 0,
  },
  {
    name: 'newer-version-in-mid-run',
    ends: 'said, without a button while the run goes on; taken by another tab it cuts nothing',
  },
  {
    name: 'offline',
    ends: 'opens, and all screens come',
    journey: ['shell.spec.ts', 'after the first visit it opens without a network'],
    lost: 0,
  },
  {
    name: 'captioner-killed',
    ends: 'goes on by itself once, then asks',
    journey: ['captions.spec.ts', 'stopped half-way; killed half-way'],
    lost: 0,
  },
  {
    name: 'download-broken-off',
    ends: 'said; what arrived is kept, and gone on with',
    journey: ['download.spec.ts', 'broken off half-way'],
    lost: 0,
  },
];
