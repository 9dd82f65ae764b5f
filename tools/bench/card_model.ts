/**
 * How long a dispatch might take on a card that is not here: its work in waves of workgroups over the multiprocessors, at
 * the share of the f32 rate that its instructions and the warps resident there allow; or its bytes, if they take longer; and
 * a launch. Constants marked as guesses are to be corrected by the first measurement.
 */
import { plainName, type SimulatedDispatch } from '../../src/kernels/program';
import type { Card } from './cards';

export interface Cost {
  /** Microseconds, with the launch. */
  us: number;
  computeUs: number;
  memoryUs: number;
  /** Of multiprocessors, while the busiest one works: 1 where all have equally much. */
  busiestShare: number;
  /** What is resident on a multiprocessor at best. */
  warps: number;
  bound: 'compute' | 'memory' | 'launch';
}

const WARP = 32;
/** Guess: what of the published bandwidth is reached. */
const DRAM_SHARE = 0.8;
const CACHE_SHARE = 0.5;
const REGISTERS = 65536;

/** Guess: the share of the issue rate that a loop with a barrier every step reaches with so many warps resident. */
function hidden(warps: number): number {
  return Math.min(0.85, 0.184 * Math.sqrt(Math.max(warps, 0.5)) + 0.12);
}

const isProduct = (name: string) => name.startsWith('gemm-') && !name.startsWith('gemm-add-parts');
const isAttention = (name: string) => name.startsWith('attention-') && !name.startsWith('attention-delta');

export function costOn(card: Card, { program, params, groups, flops, bytes }: SimulatedDispatch): Cost {
  const name = plainName(program);
  const workgroups = groups[0] * groups[1] * groups[2];
  const threads = threadsIn(program.wgsl);
  const shared = workgroupBytes(program.wgsl);
  const resident = Math.max(
    1,
    Math.min(
      Math.floor(card.threads / threads),
      Math.floor((card.workgroupKib * 1024) / (shared + 1024)),
      Math.floor(REGISTERS / (registers(name) * threads)),
    ),
  );
  const most = Math.ceil(workgroups / card.multiprocessors);
  const computes = isProduct(name) || isAttention(name);
  const moved = movedBytes(name, bytes);
  const cached = moved < card.cachedBytes;
  const rate = cached ? card.cacheGbPerSecond * CACHE_SHARE : card.dramGbPerSecond * DRAM_SHARE;
  const memoryUs = moved / rate / 1e3;
  let computeUs = 0;
  if (computes) {
    const each = (flops * padding(name, params)) / workgroups;
    const perUs = (card.f32Tflops * 1e6) / card.multiprocessors;
    // A warp that its workgroup does not fill takes as long as a full one.
    const lanes = threads / (WARP * Math.ceil(threads / WARP));
    for (let left = most; left > 0; left -= resident) {
      const now = Math.min(resident, left);
      computeUs += (now * each) / (perUs * hidden((now * threads) / WARP) * instructions(card, name) * lanes);
    }
  }
  const us = Math.max(computeUs, memoryUs) + card.launchUs;
  return {
    ...{ us, computeUs, memoryUs },
    busiestShare: workgroups / (most * card.multiprocessors),
    warps: (Math.min(resident, most) * threads) / WARP,
    bound: us < 2 * card.launchUs ? 'launch' : computeUs > memoryUs ? 'compute' : 'memory',
  };
}

/**
 * The f32 rate's share that is multiplying: loads, conversions and barriers take the rest. Counted in the machine code of
 * our shaders for sm_86, sm_89 and sm_90 (`reference/sass.py`, 2026-11-29): means of the inner loops of tiles of 8 x 8, and of
 * attention's two or four. Chains of halves as the card says.
 */
function instructions(card: Card, name: string): number {
  if (isAttention(name)) {
    if (!name.includes('-f16')) return 0.58;
    return name.includes('-wide-all') ? 0.67 : 0.62;
  }
  if (name.endsWith('f16wide')) return 0.75;
  return name.endsWith('-f16') ? card.chains : 0.92;
}

/** Computed at the edges of tiles and thrown away. */
function padding(name: string, { M = 0, N = 0 }: Readonly<Record<string, number>>): number {
  const [, bm, bn] = (/(?:shared|direct|lanes)(\d+)x(\d+)x/.exec(name) ?? []).map(Number);
  return bm && bn && M && N ? (Math.ceil(M / bm) * bm * Math.ceil(N / bn) * bn) / (M * N) : 1;
}

/** Adding into a flat tensor touches only the part that is added; what a LoRA's gradients are is little beside what they are made of. */
function movedBytes(name: string, bytes: readonly number[]): number {
  const all = bytes.reduce((sum, n) => sum + n, 0);
  const flat =
    (name.startsWith('gemm-thin-gradients') && !name.endsWith('-parts')) ||
    name.startsWith('gemm-add-parts-gradients');
  return flat ? all - (bytes.at(-1) ?? 0) : all;
}

export function threadsIn(wgsl: string): number {
  const sizes = /@workgroup_size\(([\d, ]+)\)/.exec(wgsl)?.[1] ?? '64';
  return sizes.split(',').reduce((product, n) => product * Number(n), 1);
}

const SIZES: Readonly<Record<string, number>> = { f16: 2, f32: 4, u32: 4, i32: 4 };

/** Of `var<workgroup>` arrays. */
export function workgroupBytes(wgsl: string): number {
  const halves = /alias S = f16/.test(wgsl);
  let sum = 0;
  for (const [, vector, type, count] of wgsl.matchAll(
    /var<workgroup> \w+: array<(?:vec(\d)<)?(\w+)>?, ?(\d+)u?>/g,
  ))
    sum += Number(vector ?? 1) * (SIZES[type === 'S' ? (halves ? 'f16' : 'f32') : type] ?? 4) * Number(count);
  return sum;
}

/** Guess from compiled code (RADV, NVRTC): what a thread holds. */
function registers(name: string): number {
  return (name.startsWith('gemm') && name.includes('t8x8')) || isAttention(name) ? 128 : 64;
}
