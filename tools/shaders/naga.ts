/**
 * Firefox's shader compiler as a command (`naga`, of the crate naga-cli), where this machine has it: each program to what
 * Vulkan, Direct3D 12 and Metal take, and Khronos' validator (`spirv-val`) over the SPIR-V.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codeOf, type Program } from '../../src/kernels/pipeline';

const run = promisify(execFile);

/** By a file's ending naga knows what to write. */
const LANGUAGES = { 'SPIR-V': 'spv', HLSL: 'hlsl', MSL: 'metal' } as const;

export interface Verdict {
  /** Programs that came out in all three languages. */
  compiled: number;
  /** Programs with subgroups: naga does not read `enable subgroups`, and Firefox is never given one. */
  skipped: number;
  validated: number;
  /** `PROGRAM, LANGUAGE: what was said`. */
  failures: string[];
}

/** Undefined where naga is not installed. */
export async function compileWithNaga(
  programs: readonly Program[],
  onProgress?: (done: number) => void,
): Promise<Verdict | undefined> {
  if (!(await installed('naga'))) return undefined;
  const validator = await installed('spirv-val');
  const verdict: Verdict = { compiled: 0, skipped: 0, validated: 0, failures: [] };
  const folder = await mkdtemp(join(tmpdir(), 'naga-'));
  try {
    for (const [done, program] of programs.entries()) {
      onProgress?.(done);
      if (program.subgroups) {
        verdict.skipped++;
        continue;
      }
      const failures = await failuresOf(program, folder, validator);
      verdict.failures.push(...failures.map((what) => `${program.name}, ${what}`));
      if (failures.length === 0) verdict.compiled++;
      if (failures.length === 0 && validator) verdict.validated++;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return verdict;
}

async function failuresOf(program: Program, folder: string, validator: boolean): Promise<string[]> {
  const from = join(folder, 'program.wgsl');
  await writeFile(from, codeOf(program));
  const failures: string[] = [];
  for (const [language, ending] of Object.entries(LANGUAGES)) {
    const to = join(folder, `program.${ending}`);
    const failed = await complaint('naga', [from, to]);
    if (failed !== undefined) failures.push(`${language}: ${failed}`);
  }
  if (!validator || failures.length > 0) return failures;
  const invalid = await complaint('spirv-val', ['--target-env', 'vulkan1.3', join(folder, 'program.spv')]);
  return invalid === undefined ? [] : [`spirv-val: ${invalid}`];
}

async function installed(command: string): Promise<boolean> {
  return !(await complaint(command, ['--version']))?.includes('ENOENT');
}

/** What a command says when it fails; undefined where it does not. */
async function complaint(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    await run(command, args, { timeout: 120_000, maxBuffer: 2 ** 26 });
    return undefined;
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    return (stderr || message).trim().slice(0, 400);
  }
}
