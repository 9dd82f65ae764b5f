/** What the adapter is and has: what results are to be read with. */
import { create } from 'webgpu';
import { openDevice, tiersUpTo, type Tier } from '../../src/kernels/device';
import { dawnOptions, dawnToggles, gpuNotes, halfMissing } from '../dawn';

export interface AdapterFacts {
  vendor: string;
  architecture: string;
  device: string;
  /** As Dawn says it: name and version. */
  driver: string;
  /** Switches that Dawn was started with, beside its defaults. */
  dawnToggles: readonly string[];
  /** The adapter runs on the CPU: no time here says anything about a GPU. */
  software: boolean;
  /** All of them are checked; the last is the one measured. */
  tiers: readonly Tier[];
  features: readonly string[];
  limits: Readonly<Record<string, number>>;
  /** Shapes and types that its matrix units multiply, as Dawn lists them; nothing here uses them yet. */
  subgroupMatrices: readonly Readonly<Record<string, unknown>>[];
  /** What is missing for the best numbers, as a sentence. */
  note: string | null;
}

/** Opens the device on its best tier, and leaves it open. */
export async function adapterFacts(say: (line: string) => void): Promise<AdapterFacts> {
  const gpu = await openDevice({ onLost: (reason) => say(`The GPU device was lost: ${reason}`) });
  for (const line of gpuNotes(gpu)) say(line);
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  const features = [...(adapter?.features ?? [])].map(String).sort();
  const { vendor, architecture, device, description } = gpu.adapter;
  return {
    vendor,
    architecture,
    device,
    driver: description,
    dawnToggles: dawnToggles(),
    software: gpu.software,
    tiers: tiersUpTo(gpu.best),
    features,
    limits: adapter ? numbersOf(adapter.limits) : {},
    subgroupMatrices: await subgroupMatrices(),
    note: halfMissing(gpu) ?? null,
  };
}

/** Dawn tells them only with unsafe features on: asked in an instance of its own, so that what is measured is without. */
async function subgroupMatrices(): Promise<AdapterFacts['subgroupMatrices']> {
  const unsafe = create(dawnOptions([...dawnToggles(), 'allow_unsafe_apis']));
  const adapter = await unsafe.requestAdapter({ powerPreference: 'high-performance' });
  const info: object = adapter?.info ?? {};
  const configs: unknown = 'subgroupMatrixConfigs' in info ? info.subgroupMatrixConfigs : [];
  if (!Array.isArray(configs)) return [];
  return configs.filter((one) => typeof one === 'object' && one !== null).map(valuesOf);
}

/** Members of WebGPU's objects are getters of their prototype, which JSON would not see. */
function valuesOf(from: object): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name in from) values[name] = from[name as keyof typeof from];
  return values;
}

function numbersOf(from: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(valuesOf(from)).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
