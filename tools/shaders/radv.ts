/**
 * What a Radeon's compiler makes of our shaders, without the card: Dawn on Mesa's RADV, which compiles for a family that is
 * not there (`RADV_FORCE_FAMILY`) and prints registers, spills and workgroup memory (`RADV_DEBUG=shaderstats`). Commands
 * go nowhere (null_commands.c, built here by the machine's C compiler). SPIR-V is Dawn's own, so every tier comes through.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, writeSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, type Program } from '../../src/kernels/pipeline';
import { installWebGpu } from '../dawn';

/** From the repository's root, where npm runs its scripts. */
const SOURCE = join('tools', 'shaders', 'null_commands.c');
const ICD = '/usr/share/vulkan/icd.d/radeon_icd.json';
const LAYER = 'VK_LAYER_null_commands';
const MARK = '=== ';

export interface Compiled {
  name: string;
  registers: number;
  spilled: number;
  scratchBytes: number;
  workgroupBytes: number;
  /** Subgroups that a SIMD holds at once. */
  resident: number;
  instructions: number;
}

/** Undefined where this machine has no RADV, C compiler or Vulkan headers. `self` is the file that runs `compileHere` for `--on-null-hardware FILE`. */
export async function compileOnRadv(
  family: string,
  programs: readonly Program[],
  self: string,
): Promise<Compiled[] | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'radv-'));
  try {
    if (!existsSync(process.env.RADV_ICD ?? ICD) || !(await built(folder))) return undefined;
    const list = join(folder, 'programs.json');
    await writeFile(list, JSON.stringify(programs));
    return parsed(
      await printed([...process.execArgv, self, '--on-null-hardware', list], environment(family, folder)),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** In the child: compiles what the file lists, one after the other, each announced on standard error. */
export async function compileHere(list: string): Promise<void> {
  installWebGpu();
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('There is no adapter on null hardware.');
  const requiredFeatures = (['shader-f16', 'subgroups'] as const).filter((one) => adapter.features.has(one));
  const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } =
    adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures,
    requiredLimits: {
      ...{ maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX },
    },
  });
  for (const program of JSON.parse(await readFile(list, 'utf8')) as Program[]) {
    writeSync(2, `${MARK}${program.name}\n`);
    const module = device.createShaderModule({ code: codeOf(program) });
    await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  }
  writeSync(2, MARK);
}

async function built(folder: string): Promise<boolean> {
  const library = join(folder, 'null_commands.so');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE], { stdio: 'pipe' });
  } catch {
    return false;
  }
  const functions = 'vkNegotiateLoaderLayerInterfaceVersion';
  const manifest = {
    file_format_version: '1.2.0',
    layer: {
      ...{ name: LAYER, type: 'GLOBAL', library_path: library, api_version: '1.3.0' },
      ...{ implementation_version: '1', description: 'No command is executed.' },
      functions: { [functions]: functions },
    },
  };
  await writeFile(join(folder, 'null_commands.json'), JSON.stringify(manifest));
  return true;
}

function environment(family: string, folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    VK_ICD_FILENAMES: process.env.RADV_ICD ?? ICD,
    VK_LAYER_PATH: folder,
    VK_INSTANCE_LAYERS: LAYER,
    RADV_FORCE_FAMILY: family,
    RADV_DEBUG: 'shaderstats',
    MESA_SHADER_CACHE_DISABLE: 'true',
  };
}

function printed(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (more: string) => (text += more));
    child.on('error', reject);
    child.on('close', (code) =>
      text.endsWith(MARK) || code === 0
        ? resolve(text)
        : reject(new Error(`On null hardware it ended with ${code} at: ${text.slice(-400)}`)),
    );
  });
}

/** From what RADV prints after each name. Throws where a program has no statistics: then nothing was looked at. */
export function parsed(text: string): Compiled[] {
  return text
    .split(MARK)
    .slice(1, -1)
    .map((section) => {
      const [name = '', ...lines] = section.split('\n');
      const statistics = new Map(lines.map((line) => [line.split(': ')[0], line.split(': ')[1]] as const));
      const number = (what: string): number => {
        const found = Number(statistics.get(what) ?? NaN);
        if (!Number.isInteger(found)) throw new Error(`RADV printed no '${what}' for ${name}.`);
        return found;
      };
      return {
        name,
        registers: number('VGPRs'),
        spilled: number('Spilled VGPRs') + number('Spilled SGPRs'),
        scratchBytes: number('Scratch size'),
        workgroupBytes: number('LDS size'),
        resident: number('Subgroups per SIMD'),
        instructions: number('Instructions'),
      };
    });
}
