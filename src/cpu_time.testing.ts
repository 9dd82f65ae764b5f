/**
 * The clock of tests that hold a duration to a bound: on a busy machine the time on the wall says how much else runs.
 */

/** Milliseconds that this process has computed so far, in itself and for it in the system. */
export function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
