/**
 * `npm run shaders`: every shader that training runs, on every tier, as each class of devices would get it: what it takes of
 * what the class allows, whether naga turns it into SPIR-V, HLSL and MSL, and what RADV's compiler makes of it for a Radeon
 * that is not here. Prints a table, or JSON. Needs no GPU; compilers that this machine lacks are named and left out.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { closeDevice, openDevice, tiersUpTo } from '../src/kernels/device';
import { codeOf, type Program } from '../src/kernels/pipeline';
import { sdxlBase } from '../src/models/sdxl/sdxl.testing';
import { sdxl } from '../src/models/sdxl/family';
import type { BaseModelConfig } from '../src/training/step/base_model';
import { MODELS as BENCHED } from './bench/models';
import { oneOf, optionsOf, runCommand, UsageError } from './command';
import { installWebGpu } from './dawn';
import { beyond, DEVICE_CLASSES, footprintOf, type DeviceClass } from './shaders/classes';
import { compileWithNaga, type Verdict } from './shaders/naga';
import { programsOn } from './shaders/programs';
import { compileHere, compileOnRadv, type Compiled } from './shaders/radv';

const MODELS: Readonly<Record<'sd15' | 'sdxl', BaseModelConfig>> = {
  sd15: BENCHED.sd15,
  sdxl: { family: sdxl, ...sdxlBase },
};

const USAGE = `Usage: npm run shaders -- [options]      (a table on standard output, progress on standard error)
  --model ${Object.keys(MODELS).join('|')}    default sd15
  --size 512             pixels
  --radv navi31          the Radeon family that RADV compiles for; none: leave it out
  --write DIR            also writes each shader as WGSL (for reference/sass.py: NVIDIA's machine code)
  --json`;

async function main(): Promise<void> {
  const { 'on-null-hardware': child, ...options } = optionsOf({
    options: {
      model: { type: 'string', default: 'sd15' },
      size: { type: 'string', default: '512' },
      radv: { type: 'string', default: 'navi31' },
      write: { type: 'string' },
      json: { type: 'boolean', default: false },
      'on-null-hardware': { type: 'string' },
    },
  });
  if (child !== undefined) return compileHere(child);
  const { radv } = options;
  const model = oneOf('--model', options.model, Object.keys(MODELS) as (keyof typeof MODELS)[]);
  const size = Number(options.size);
  if (!(Number.isInteger(size) && size >= 64 && size % 64 === 0))
    throw new UsageError('--size is a multiple of 64 pixels.');

  installWebGpu();
  const { best } = await openDevice();
  const classes = Object.keys(DEVICE_CLASSES) as DeviceClass[];
  const all = new Map<string, Program>();
  const rows = classes.map((of) => {
    console.error(`walking a run on ${of}`);
    const programs = tiersUpTo(best).flatMap((tier) => [
      ...programsOn(of, tier, { config: MODELS[model], size }).values(),
    ]);
    for (const one of programs) all.set(one.name, one);
    const footprints = programs.map(footprintOf);
    return {
      class: of,
      programs: new Set(programs.map(({ name }) => name)).size,
      mostThreads: Math.max(...footprints.map(({ threads }) => threads)),
      mostWorkgroupBytes: Math.max(...footprints.map(({ workgroupBytes }) => workgroupBytes)),
      mostStorageBuffers: Math.max(...footprints.map(({ storageBuffers }) => storageBuffers)),
      beyond: programs.flatMap((one) => beyond(one, of)),
    };
  });
  closeDevice();
  const programs = [...all.values()];
  if (options.write !== undefined) await writeAll(options.write, programs);
  const progress = (what: string) => (done: number) => {
    if (done % 50 === 0) console.error(`${what}: ${done} of ${programs.length}`);
  };
  const naga = await compileWithNaga(programs, progress('naga'));
  const [, self = ''] = process.argv;
  const compiled = radv === 'none' ? undefined : await compileOnRadv(radv, programs, self);
  const report = { model, size, tiers: tiersUpTo(best), classes: rows, naga, radv: compiled };
  console.log(options.json ? JSON.stringify(report, null, 1) : table(report, radv).join('\n'));
  const failed = rows.some((row) => row.beyond.length > 0) || (naga?.failures.length ?? 0) > 0;
  if (failed || compiled?.some(({ spilled, scratchBytes }) => spilled + scratchBytes > 0))
    throw new Error('Not every shader compiles everywhere within limits and without spilling: see above.');
}

async function writeAll(folder: string, programs: readonly Program[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const program of programs)
    await writeFile(join(folder, `${program.name.replaceAll('/', '_')}.wgsl`), codeOf(program));
}

interface Report {
  classes: readonly {
    class: DeviceClass;
    programs: number;
    mostThreads: number;
    mostWorkgroupBytes: number;
    mostStorageBuffers: number;
    beyond: readonly string[];
  }[];
  naga: Verdict | undefined;
  radv: readonly Compiled[] | undefined;
}

function table({ classes, naga, radv }: Report, family: string): string[] {
  const lines = classes.flatMap((row) => [
    `${row.class.padEnd(24)} ${row.programs} programs, at most ${row.mostThreads} threads, ` +
      `${row.mostWorkgroupBytes} bytes of workgroup memory, ${row.mostStorageBuffers} storage buffers`,
    ...row.beyond,
  ]);
  lines.push(
    naga
      ? `naga: ${naga.compiled} programs to SPIR-V, HLSL and MSL, ${naga.skipped} with subgroups left out, ` +
          `${naga.validated} validated by spirv-val, ${naga.failures.length} failures`
      : 'naga is not installed: left out',
    ...(naga?.failures ?? []),
  );
  if (!radv) return [...lines, 'RADV: left out (it takes Mesa’s radeon driver, cc and the Vulkan headers)'];
  const heavy = [...radv].sort((a, b) => b.registers - a.registers || a.resident - b.resident).slice(0, 12);
  const row = (one: Compiled) =>
    `${String(one.registers).padStart(5)} ${String(one.resident).padStart(5)} ${String(one.workgroupBytes).padStart(6)} ` +
    `${String(one.instructions).padStart(6)}  ${one.name}`;
  const spilling = radv.filter(({ spilled, scratchBytes }) => spilled + scratchBytes > 0);
  return [
    ...lines,
    `RADV ${family}: ${radv.length} programs, ${spilling.length} of them spill`,
    ...spilling.map(
      ({ name, spilled, scratchBytes }) =>
        `${name}: ${spilled} registers spilled, ${scratchBytes} bytes of scratch`,
    ),
    ' VGPR waves    LDS instrs  (the most registers)',
    ...heavy.map(row),
  ];
}

runCommand(main, USAGE);
