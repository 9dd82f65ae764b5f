/** The time of day for what counts down on the screen, once a second while something shows it. */
import { createSubscriber } from 'svelte/reactivity';

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970; read in markup or `$derived`, it follows the clock. */
export function now(): number {
  subscribe();
  return Date.now();
}
