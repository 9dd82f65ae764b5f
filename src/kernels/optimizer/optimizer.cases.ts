/**
 * Optimizers against float64, and the plumbing of flat tensors. What is compared is the change of p, which is what a
 * wrong rule would show in. Tolerance 1e-5: p is near 0.1, so each of 50 steps of 1e-3 rounds p by 4e-9, and
 * beta2 = 0.999 itself is 1e-8 off in f32. Norms: 2e-6, a sum of some thousand squares.
 */
import * as tf from '@tensorflow/tfjs';
import { read, upload, write } from '../program';
import { Recorder } from '../recording';
import { relativeError, sample, type Comparison, type KernelCase } from '../testing';
import { hyperLength, packHyper, STATE_LENGTH, unpackState, type Hyper } from './hyper';
import { applyOptimizer, checkGradient, OPTIMIZERS, type OptimizerKind, type RatedRange } from './optimizer';
import { referenceStep, type ReferenceState } from './optimizer.reference';

const SCALE = 1024;
const ADAMW: Hyper = {
  rates: [5e-4, 1e-3],
  growthInterval: 0,
  maxNorm: 0,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.01,
};
const HYPER: Readonly<Record<OptimizerKind, Hyper>> = {
  adamw: ADAMW,
  lion: { ...ADAMW, beta2: 0.99, weightDecay: 0.1 },
};
const KINDS = Object.keys(OPTIMIZERS) as OptimizerKind[];

export const cases: KernelCase[] = [
  ...KINDS.flatMap((kind) => [
    { name: `${kind}, 50 steps`, run: () => trajectory(kind, HYPER[kind], 50) },
    {
      name: `${kind}, 50 steps, clipped to 1`,
      run: () => trajectory(kind, { ...HYPER[kind], maxNorm: 1 }, 50),
    },
    ...[Infinity, -Infinity, NaN].map((bad) => ({
      name: `${kind} skips a gradient with ${bad}`,
      run: () => skipped(kind, bad),
    })),
    { name: `${kind}, a skipped step uses up no rate`, run: () => ratesOfUpdates(kind) },
    { name: `${kind} leaves what no gradient reaches`, run: () => untouched(kind) },
  ]),
  {
    name: 'adamw, 50 steps, limit above the norm',
    run: () => trajectory('adamw', { ...ADAMW, maxNorm: 1e4 }, 50),
  },
  { name: 'adamw, the bias correction of late steps', run: () => lateSteps(5000) },
  { name: 'the loss scale follows overflows and good runs', run: scaling },
  { name: 'a replayed step is the plain one, bit for bit', run: replayed },
  { name: 'three pieces and three rates', run: inPieces },
];

const SIZE = 5003;
const BOUNDARY = 1001;
const WHOLE: readonly RatedRange[] = [
  { from: 0, to: BOUNDARY, rate: 0 },
  { from: BOUNDARY, to: SIZE, rate: 1 },
];
const rateOf = (i: number) => (i < BOUNDARY ? 0 : 1);

/** One optimizer's tensors, and a step over them. */
function rig(kind: OptimizerKind, hyper: Hyper, start: Float32Array, ranges = WHOLE) {
  const zeros = () => upload(new Float32Array(start.length), [start.length], 'test');
  const tensors = {
    p: upload(start, [start.length], 'test'),
    m: zeros(),
    v: zeros(),
    gradient: zeros(),
    hyper: upload(packHyper(hyper), [hyperLength(hyper.rates.length)], 'test'),
    lossScale: upload(Float32Array.of(SCALE), [1], 'test'),
    state: upload(new Float32Array(STATE_LENGTH), [STATE_LENGTH], 'test'),
  };
  const step = () => {
    const { p, gradient, state } = tensors;
    checkGradient([gradient], tensors.hyper, state, tensors.lossScale);
    const moments = OPTIMIZERS[kind].moments.map((name) => tensors[name]);
    for (const range of ranges) applyOptimizer(kind, p, moments, gradient, tensors.hyper, state, range);
  };
  return { tensors, step, dispose: () => tf.dispose(tensors) };
}

/** Gradients that wander, with some elements a thousand times smaller: both sides of AdamW's eps. */
function gradientOf(step: number): Float32Array {
  const [noise, steady] = [sample(SIZE, 100 + step, SCALE), sample(SIZE, 99, SCALE)];
  return noise.map((v, i) => (v + steady[i]) * (i % 3 ? 0.1 : 1e-4));
}

async function trajectory(kind: OptimizerKind, base: Hyper, steps: number): Promise<Comparison[]> {
  const start = sample(SIZE, 1, 0.1);
  const { tensors, step, dispose } = rig(kind, base, start);
  const reference: ReferenceState = {
    p: Float64Array.from(start),
    m: new Float64Array(SIZE),
    v: new Float64Array(SIZE),
    t: 0,
  };
  let norm = 0;
  for (let t = 0; t < steps; t++) {
    // A schedule: what changes between steps is only ever written to tensors.
    const [text = 0, unet = 0] = base.rates;
    const hyper = { ...base, rates: [text, unet * (1 - t / (2 * steps))] };
    write(tensors.hyper, packHyper(hyper));
    write(tensors.gradient, gradientOf(t));
    step();
    norm = referenceStep(kind, reference, gradientOf(t), hyper, rateOf, SCALE);
  }
  const change = (await read(tensors.p)).map((p, i) => p - start[i]);
  const state = unpackState(await read(tensors.state));
  const results: Comparison[] = [
    changeOfP(change, reference, start),
    { what: 'm', error: relativeError(await read(tensors.m), reference.m), tolerance: 2e-6 },
    { what: 'v', error: relativeError(await read(tensors.v), reference.v), tolerance: 2e-6 },
    { what: 'norm', error: relativeError([state.norm], [norm]), tolerance: 2e-6 },
    { what: 'steps counted', error: Math.abs(state.steps - steps), tolerance: 0 },
    {
      what: 'gradient left',
      error: relativeError(await read(tensors.gradient), new Float64Array(SIZE)),
      tolerance: 0,
    },
  ];
  dispose();
  return results;
}

/**
 * A schedule over updates, as the host follows it: when it writes the rates of a step, it does not know yet whether the
 * step before was taken. The reference knows, and takes the rates of the updates that were.
 */
async function ratesOfUpdates(kind: OptimizerKind): Promise<Comparison[]> {
  const base = HYPER[kind];
  const [text = 0, unet = 0] = base.rates;
  const rates = (update: number) => [text * 0.8 ** update, unet * 0.7 ** update];
  const start = sample(SIZE, 1, 0.1);
  const { tensors, step, dispose } = rig(kind, base, start);
  const reference: ReferenceState = {
    p: Float64Array.from(start),
    m: new Float64Array(SIZE),
    v: new Float64Array(SIZE),
    t: 0,
  };
  // Taken (1) or not (0), with two left out in a row.
  const taken = [1, 1, 0, 1, 0, 0, 1, 1, 1];
  let known = 0;
  let before = 0;
  for (const [k, good] of taken.entries()) {
    const gradient = good ? gradientOf(k) : gradientOf(k).fill(NaN, 7, 8);
    const hyper = { ...base, rates: rates(known), update: known, later: rates(known + 1) };
    write(tensors.hyper, packHyper(hyper));
    write(tensors.gradient, gradient);
    step();
    referenceStep(kind, reference, gradient, { ...base, rates: rates(reference.t) }, rateOf, SCALE);
    // How the step before went is heard only now.
    known += before;
    before = good;
  }
  const change = (await read(tensors.p)).map((p, i) => p - start[i]);
  const state = unpackState(await read(tensors.state));
  dispose();
  return [
    changeOfP(change, reference, start),
    { what: 'steps counted', error: Math.abs(state.steps - 6), tolerance: 0 },
  ];
}

/** What the values moved by since `start`, against the reference. */
function changeOfP(change: ArrayLike<number>, { p }: ReferenceState, start: ArrayLike<number>): Comparison {
  const expected = p.map((value, i) => value - start[i]);
  return { what: 'change of p', error: relativeError(change, expected), tolerance: 1e-5 };
}

/** Neither decayed nor moved, as PyTorch leaves a parameter without a gradient; all others as the reference has them. */
async function untouched(kind: OptimizerKind): Promise<Comparison[]> {
  const hyper: Hyper = { ...HYPER[kind], weightDecay: 1 };
  const idle = { from: 701, to: BOUNDARY };
  const start = sample(SIZE, 1, 0.1);
  const { tensors, step, dispose } = rig(kind, hyper, start, [
    { from: 0, to: idle.from, rate: 0 },
    { from: idle.to, to: SIZE, rate: 1 },
  ]);
  const reference: ReferenceState = {
    p: Float64Array.from(start),
    m: new Float64Array(SIZE),
    v: new Float64Array(SIZE),
    t: 0,
  };
  for (let t = 0; t < 5; t++) {
    const gradient = gradientOf(t).fill(0, idle.from, idle.to);
    write(tensors.gradient, gradient);
    step();
    referenceStep(kind, reference, gradient, hyper, rateOf, SCALE);
  }
  const p = await read(tensors.p);
  dispose();
  const isIdle = (i: number) => i >= idle.from && i < idle.to;
  const changes = (of: ArrayLike<number>) => Array.from(of, (v, i) => (isIdle(i) ? 0 : v - start[i]));
  return [
    {
      what: 'elements moved',
      error: p.filter((v, i) => isIdle(i) && v !== start[i]).length,
      tolerance: 0,
    },
    { what: 'change of the others', error: relativeError(changes(p), changes(reference.p)), tolerance: 1e-5 },
  ];
}

async function lateSteps(t: number): Promise<Comparison[]> {
  const { tensors, step, dispose } = rig('adamw', ADAMW, sample(SIZE, 1));
  const results: Comparison[] = [];
  for (const done of [0, 1, 9, 100, 499, 500, t]) {
    write(tensors.state, Float32Array.of(done), 3);
    step();
    const state = await read(tensors.state);
    const want = [1 - 0.9 ** (done + 1), -Math.expm1((done + 1) * Math.log(0.999))];
    const worst = Math.max(...want.map((c, k) => Math.abs(state[4 + k] - c) / c));
    results.push({ what: `bias corrections at step ${done + 1}`, error: worst, tolerance: 1e-6 });
  }
  dispose();
  return results;
}

async function skipped(kind: OptimizerKind, bad: number): Promise<Comparison[]> {
  const { tensors, step, dispose } = rig(kind, HYPER[kind], sample(SIZE, 1, 0.1));
  write(tensors.gradient, gradientOf(0));
  step();
  const before = await Promise.all([tensors.p, tensors.m, tensors.v].map(read));
  const gradient = gradientOf(1);
  gradient[SIZE - 1] = bad;
  write(tensors.gradient, gradient);
  step();
  const after = await Promise.all([tensors.p, tensors.m, tensors.v].map(read));
  const changed = before.reduce((sum, a, k) => sum + a.filter((v, i) => v !== after[k][i]).length, 0);
  const state = unpackState(await read(tensors.state));
  const left = (await read(tensors.gradient)).filter((g) => g !== 0).length;
  write(tensors.gradient, gradientOf(2));
  step();
  const later = unpackState(await read(tensors.state));
  dispose();
  return [
    { what: 'elements changed', error: changed, tolerance: 0 },
    {
      what: 'not reported',
      error: state.skipped && state.skips === 1 && state.steps === 1 ? 0 : 1,
      tolerance: 0,
    },
    { what: 'gradient left', error: left, tolerance: 0 },
    {
      what: 'not going on',
      error: !later.skipped && later.skips === 1 && later.steps === 2 ? 0 : 1,
      tolerance: 0,
    },
  ];
}

/** Good (1) and overflowing (0) steps with an interval of three, from 4, against the scale each should leave behind. */
async function scaling(): Promise<Comparison[]> {
  const steps = [1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1];
  const want = [4, 4, 2, 2, 2, 4, 4, 4, 8, 4, 2, 1, 1, 1, 1, 2];
  const { tensors, step, dispose } = rig('adamw', { ...ADAMW, growthInterval: 3 }, sample(SIZE, 1, 0.1));
  write(tensors.lossScale, Float32Array.of(4));
  let wrong = 0;
  let norms = 0;
  for (const [k, good] of steps.entries()) {
    const before = (await read(tensors.lossScale))[0];
    write(tensors.gradient, new Float32Array(SIZE).fill(good ? before : Infinity));
    step();
    if ((await read(tensors.lossScale))[0] !== want[k]) wrong++;
    // Every good gradient is all ones, whatever the scale it came with.
    const { norm } = unpackState(await read(tensors.state));
    if (good) norms = Math.max(norms, relativeError([norm], [Math.sqrt(SIZE)]));
  }
  write(tensors.lossScale, Float32Array.of(2 ** 24));
  for (let k = 0; k < 3; k++) step();
  if ((await read(tensors.lossScale))[0] !== 2 ** 24) wrong++;
  dispose();
  return [
    { what: 'scales other than wanted', error: wrong, tolerance: 0 },
    { what: 'norm', error: norms, tolerance: 2e-6 },
  ];
}

async function replayed(): Promise<Comparison[]> {
  const start = sample(SIZE, 1, 0.1);
  const hyper = { ...ADAMW, maxNorm: 1 };
  const [plain, recorded] = [rig('adamw', hyper, start), rig('adamw', hyper, start)];
  const recorder = new Recorder();
  write(recorded.tensors.gradient, gradientOf(0));
  const recording = recorder.record(recorded.step);
  for (let t = 1; t < 4; t++) {
    write(recorded.tensors.gradient, gradientOf(t));
    recording.replay();
  }
  for (let t = 0; t < 4; t++) {
    write(plain.tensors.gradient, gradientOf(t));
    plain.step();
  }
  const [a, b] = [await read(plain.tensors.p), await read(recorded.tensors.p)];
  plain.dispose();
  recorded.dispose();
  recorder.dispose();
  return [{ what: 'elements that differ', error: a.filter((v, i) => v !== b[i]).length, tolerance: 0 }];
}

/** One vector in three tensors, clipped by the norm of all, with rates that change within a piece and at its end. */
async function inPieces(): Promise<Comparison[]> {
  const cuts = [0, 700, 701, SIZE];
  const ends = [BOUNDARY, 3000, SIZE];
  const hyper: Hyper = { ...ADAMW, rates: [5e-4, 1e-3, 2e-3], maxNorm: 1 };
  const start = sample(SIZE, 1, 0.1);
  const pieces = cuts.slice(1).map((to, k) => {
    const from = cuts[k];
    const of = (values: Float32Array) => upload(values.slice(from, to), [to - from], 'test');
    const zeros = () => of(new Float32Array(SIZE));
    const ranges = ends.flatMap((end, rate) => {
      const range = { from: Math.max(from, ends[rate - 1] ?? 0) - from, to: Math.min(to, end) - from, rate };
      return range.to > range.from ? [range] : [];
    });
    return { from, to, ranges, p: of(start), m: zeros(), v: zeros(), gradient: zeros() };
  });
  const tensors = {
    hyper: upload(packHyper(hyper), [hyperLength(3)], 'test'),
    lossScale: upload(Float32Array.of(SCALE), [1], 'test'),
    state: upload(new Float32Array(STATE_LENGTH), [STATE_LENGTH], 'test'),
  };
  const reference: ReferenceState = {
    p: Float64Array.from(start),
    m: new Float64Array(SIZE),
    v: new Float64Array(SIZE),
    t: 0,
  };
  let norm = 0;
  for (let t = 0; t < 5; t++) {
    const gradient = gradientOf(t);
    for (const piece of pieces) write(piece.gradient, gradient.slice(piece.from, piece.to));
    checkGradient(
      pieces.map((piece) => piece.gradient),
      tensors.hyper,
      tensors.state,
      tensors.lossScale,
    );
    for (const { p, m, v, gradient: g, ranges } of pieces)
      for (const range of ranges) applyOptimizer('adamw', p, [m, v], g, tensors.hyper, tensors.state, range);
    norm = referenceStep('adamw', reference, gradient, hyper, (i) => ends.findIndex((end) => i < end), SCALE);
  }
  const change: number[] = [];
  for (const { p, from } of pieces) change.push(...(await read(p)).map((v, i) => v - start[from + i]));
  const state = unpackState(await read(tensors.state));
  tf.dispose([tensors, ...pieces.map(({ p, m, v, gradient }) => ({ p, m, v, gradient }))]);
  return [
    changeOfP(change, reference, start),
    { what: 'norm', error: relativeError([state.norm], [norm]), tolerance: 2e-6 },
  ];
}
