/**
 * When this origin last lost its GPU. After two losses Chromium refuses every adapter for about two minutes, and a
 * reload does not help; knowing of the losses, the page can say so and count down. Whoever sees a loss notes it.
 */
import { recall, remember } from '../remembered';

/** How long the browser keeps the GPU locked, in milliseconds. */
export const LOCKED_MS = 120_000;

export function noteGpuLoss(now = Date.now()): void {
  remember('gpu-lost', String(now));
}

/** When the lock after the last loss should be over, or undefined if there was none of late. */
export function lockedUntil(now = Date.now()): number | undefined {
  const lost = Number(recall('gpu-lost') ?? NaN);
  const until = lost + LOCKED_MS;
  return Number.isFinite(until) && lost <= now && until > now ? until : undefined;
}
