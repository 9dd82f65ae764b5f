/**
 * A run as TensorBoard shows it: which curve each number goes to, under kohya's names where kohya has it. The same for
 * `npm run train`, which writes as it goes, and for the page, which writes what it kept.
 */
import { encodeEvent, type EventRecord, type Value } from './event';
import { frame } from './tfrecord';

/** What is known of a step; old runs of the page know less. */
export interface StepFacts {
  readonly step: number;
  readonly loss: number;
  readonly averageLoss?: number | undefined;
  /** The U-Net's, or the text encoder's where that alone is trained. */
  readonly learningRate: number;
  readonly textLearningRate?: number | undefined;
  readonly gradientNorm?: number | undefined;
  readonly lossScale?: number | undefined;
  readonly stepSeconds?: number | undefined;
  readonly gpuBytes?: number | undefined;
}

export interface RunShape {
  readonly steps: number;
  /** Unknown of a run that never got as far as its plan: then no epoch is summed up. */
  readonly stepsPerEpoch: number | undefined;
  /** Whether the one rate told is the U-Net's. */
  readonly trainsUnet: boolean;
}

/** The curve of a step's own loss; from it a resumed run learns what its epoch had before. */
export const LOSS = 'loss/current';

export class RunEvents {
  /** Losses of the epoch under way, by step. */
  readonly #epoch = new Map<number, number>();

  /** `before`: losses of steps taken already, by step, so that an epoch that was interrupted is summed up whole. */
  constructor(
    private readonly shape: RunShape,
    before: ReadonlyMap<number, number> = new Map(),
  ) {
    for (const [step, loss] of before) this.#epoch.set(step, loss);
  }

  /** Of one step; of an epoch's last, its mean too. */
  step(facts: StepFacts): Value[] {
    const { loss, averageLoss, learningRate, textLearningRate, gradientNorm, lossScale } = facts;
    const { stepSeconds, gpuBytes } = facts;
    const main = this.shape.trainsUnet ? 'lr/unet' : 'lr/textencoder';
    const all: [string, number | undefined][] = [
      [LOSS, loss],
      ['loss/average', averageLoss],
      ['loss/epoch', this.#epochMean(facts)],
      [main, learningRate],
      ['lr/textencoder', textLearningRate],
      ['norm/gradient', gradientNorm],
      ['loss_scale', lossScale],
      ['seconds_a_step', stepSeconds],
      ['memory/gpu_gb', gpuBytes === undefined ? undefined : gpuBytes / 1e9],
    ];
    return all.flatMap(([tag, scalar]) => (scalar === undefined ? [] : [{ tag, scalar }]));
  }

  /** Of all its steps whose loss was a number; undefined within an epoch, and where some of its steps are not known. */
  #epochMean({ step, loss }: StepFacts): number | undefined {
    const { steps, stepsPerEpoch } = this.shape;
    if (stepsPerEpoch === undefined) return undefined;
    this.#epoch.set(step, loss);
    if (step % stepsPerEpoch !== 0 && step !== steps) return undefined;
    const first = Math.floor((step - 1) / stepsPerEpoch) * stepsPerEpoch + 1;
    const losses = Array.from({ length: step - first + 1 }, (_, at) => this.#epoch.get(first + at));
    for (const each of this.#epoch.keys()) if (each <= step) this.#epoch.delete(each);
    if (losses.includes(undefined)) return undefined;
    const numbers = losses.filter((each) => each !== undefined).filter(Number.isFinite);
    return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  }
}

/** A picture's curve: its place in the list of prompts, counted from 0, and the prompt as far as it goes. */
export function sampleTag(index: number, prompt: string): string {
  return `samples/${String(index + 1).padStart(2, '0')} ${prompt.slice(0, 60)}`.trim();
}

/** A configuration in YAML as TensorBoard's text, which is Markdown. */
export function configurationValue(yaml: string): Value {
  return { tag: 'configuration', text: yaml.replace(/^(?=.)/gm, '    ') };
}

/** The beginning of every event file. `from`: the last step that holds; later ones of earlier files hold no longer. */
export function opening(time: number, from: number): EventRecord[] {
  return [
    { time, step: 0, what: { kind: 'version' } },
    { time, step: from + 1, what: { kind: 'start' } },
  ];
}

/** TensorBoard reads the files of a folder in the order of their names, the time first. */
export function eventFileName(seconds: number): string {
  return `events.out.tfevents.${String(Math.floor(seconds)).padStart(10, '0')}.lora-studio`;
}

/** A run's own folder, by its name and its beginning (milliseconds since 1970) in UTC: `ink-20261129-040506`. */
export function runFolder(name: string, startedAt: number): string {
  const [date = '', time = ''] = new Date(startedAt)
    .toISOString()
    .slice(0, 19)
    .replace(/[-:]/g, '')
    .split('T');
  return `${name}-${date}-${time}`;
}

/** As it stands in a file. */
export function recordBytes(event: EventRecord): Uint8Array<ArrayBuffer> {
  return frame(encodeEvent(event));
}
