/**
 * How every command here begins and ends: exit status 2 where what was typed is not understood, with how to use it; 1 where
 * it failed, with the error's sentence. Only an error that no reader of ours names is a fault of the program: it keeps its
 * name and stack. Where tools/run.ts, which npm waits for, is killed outright, the command ends as by SIGTERM.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** What was typed is not understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The options that were typed. Throws UsageError. */
export function optionsOf<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>>['values'] {
  return argumentsOf(config).values;
}

/** Options, and what stands beside them. Throws UsageError. */
export function argumentsOf<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** As `optionsOf`, for a script without a main function: ends it with status 2 where they are not understood. */
export function optionsOrExit<T extends ParseArgsConfig>(config: T, usage: string) {
  try {
    return optionsOf(config);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(2);
  }
}

/** Throws UsageError where it is none of these. */
export function oneOf<T extends string>(option: string, given: string, known: readonly T[]): T {
  const found = known.find((each) => each === given);
  if (found === undefined) throw new UsageError(`${option} takes ${known.join(', ')}, not "${given}".`);
  return found;
}

/** Runs it; sets the exit status where it fails. `failed` may have more to say of an error. */
export function runCommand(
  main: () => Promise<void>,
  usage: string,
  failed: (error: unknown) => void = () => undefined,
): void {
  endWithParent();
  main().catch((error: unknown) => {
    console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : sentenceOf(error));
    failed(error);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  });
}

const UNEXPECTED = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

/** The sentence of an error that has one; name and stack of one that should not have come. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return UNEXPECTED.has(error.name) ? (error.stack ?? `${error.name}: ${error.message}`) : error.message;
}

/** run.ts holds a channel to its child for nothing else: it closes with it, whatever ended it. */
export function endWithParent(): void {
  if (!process.channel) return;
  process.on('disconnect', () => {
    // Whoever stops in order listens to SIGTERM.
    if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM', 'SIGTERM');
    else process.exit(143);
  });
  process.channel.unref();
}
