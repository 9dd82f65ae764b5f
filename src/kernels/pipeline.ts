/**
 * Programs: what a kernel says of its shader, made into WGSL, a pipeline and parameter blocks, each once a device.
 */
import { gpu } from './device';

/** The element type of a storage binding, as WGSL writes it inside `array<...>`; or one or four packed halves. */
export type Element =
  | 'f32' | 'u32' | 'i32' | 'vec2<f32>' | 'vec4<f32>' | 'vec2<u32>' | 'vec4<u32>' | 'atomic<u32>'
  | 'half' | 'vec4<half>'; // prettier-ignore

/**
 * A compute shader with its bindings. `wgsl` is everything but the bindings and the parameter struct, which are
 * generated: inputs as `var<storage, read> NAME: array<T>`, outputs as `read_write`, and `params` as uniform `p`.
 * What may be stored as halves is read by `read_NAME(i)` and written by `write_NAME(i, value)`, generated too, in units of
 * f32 or vec4<f32>. The entry point is `main`. `name` must determine all the rest: pipelines are cached by it.
 */
export interface Program {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Element>>;
  readonly outputs: Readonly<Record<string, Element>>;
  readonly params?: Readonly<Record<string, 'u32' | 'i32' | 'f32'>>;
  /** Emits `enable f16;` / `enable subgroups;`. Only where the tier has them. */
  readonly f16?: boolean;
  readonly subgroups?: boolean;
  /**
   * The shader adds parameter `first` to its workgroup's number: to `workgroup_id.x` (`x`), or to what `linearGroup` gives
   * (`linear`). A dispatch that would take too long is then made in several, each of some of the workgroups.
   */
  readonly cut?: 'x' | 'linear';
  readonly wgsl: string;
}

/** Memoises program factories by name, so that a program's text is built once. */
export function program(name: string, make: () => Omit<Program, 'name'>): Program {
  const known = programs.get(name);
  if (known) return known;
  const made = { name, ...make() };
  programs.set(name, made);
  return made;
}

/** The same program for tensors of which those bound as `names` are stored as halves. Throws where it cannot take them so. */
export function withHalves(given: Program, names: readonly string[]): Program {
  const name = [given.name, ...names].join(STORED);
  return program(name, () => {
    const halved = (bound: Program['inputs'], written: boolean) =>
      Object.fromEntries(
        Object.entries(bound).map(([name, type]) => {
          if (!names.includes(name)) return [name, type];
          const half = HALVES[type];
          // Two threads would write one word.
          if (!half || (written && half === 'half') || !given.wgsl.includes(accessor(name, written)))
            throw new Error(`${given.name}: ${name} (${type}) cannot be stored as halves.`);
          return [name, half];
        }),
      );
    return { ...given, name, inputs: halved(given.inputs, false), outputs: halved(given.outputs, true) };
  });
}

const STORED = '+';

/** The program's name whatever is stored as halves. */
export const plainName = ({ name }: Pick<Program, 'name'>) => name.split(STORED, 1)[0];

const HALVES: Partial<Record<Element, Element>> = { f32: 'half', 'vec4<f32>': 'vec4<half>' };

// ---------------------------------------------------------------------------------------------------------------

export interface Compiled {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  bindings: number;
}

interface Context {
  device: GPUDevice;
  cache: Map<string, Compiled>;
  uniforms: Map<string, GPUBuffer>;
}

const programs = new Map<string, Program>();
const contexts = new WeakMap<GPUDevice, Context>();

function context(): Context {
  const { device } = gpu();
  const known = contexts.get(device);
  if (known) return known;
  const made: Context = { device, cache: new Map(), uniforms: new Map() };
  contexts.set(device, made);
  return made;
}

/** The program's pipeline on the open device, compiled at its first use. */
export function compile(program: Program): Compiled {
  const { cache, device } = context();
  const known = cache.get(program.name);
  if (known) return known;
  const { layout, descriptor, bindings } = describe(device, program);
  const compiled = { pipeline: device.createComputePipeline(descriptor), layout, bindings };
  cache.set(program.name, compiled);
  return compiled;
}

/** How many the GPU's driver is given at once: as many as it may have threads for, and few enough to stop soon. */
const AT_ONCE = 4;

/**
 * Compiles what is not compiled yet, without holding up this thread or the GPU's. `onProgress` hears how many of all are
 * ready. Ends early once `signal` is aborted; rejects with what the driver says of a program that it cannot compile.
 */
export async function compileAhead(
  programs: Iterable<Program>,
  onProgress?: (ready: number, all: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { cache, device } = context();
  const all = [...programs];
  const left = all.filter(({ name }) => !cache.has(name));
  let ready = all.length - left.length;
  const worker = async () => {
    for (let program = left.shift(); program; program = left.shift()) {
      if (signal?.aborted) return;
      const { layout, descriptor, bindings } = describe(device, program);
      const pipeline = await device.createComputePipelineAsync(descriptor);
      // A kernel that ran meanwhile has compiled it by itself: recordings may hold that one.
      if (!cache.has(program.name)) cache.set(program.name, { pipeline, layout, bindings });
      onProgress?.(++ready, all.length);
    }
  };
  onProgress?.(ready, all.length);
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** The whole WGSL of a program: what it enables, its bindings and parameters, and its own text. Its entry point is `main`. */
export function codeOf({ f16, subgroups, inputs, outputs, params, wgsl }: Program): string {
  const read = Object.entries(inputs);
  const written = Object.entries(outputs);
  const fields = Object.entries(params ?? {});
  return [
    f16 ? 'enable f16;' : '',
    subgroups ? 'enable subgroups;' : '',
    written.some(([, type]) => type === 'vec4<half>') ? HALVES_WGSL : '',
    ...read.map(([name, type], i) => bound(name, type, i, 'read')),
    ...written.map(([name, type], i) => bound(name, type, read.length + i, 'read_write')),
    ...[
      ...read.map(([name, type]) => reader(name, type)),
      ...written.map(([name, type]) => writer(name, type)),
    ]
      .filter(({ called }) => wgsl.includes(called))
      .map(({ text }) => text),
    fields.length ? `struct Params { ${fields.map(([name, type]) => `${name}: ${type}`).join(', ')} }` : '',
    fields.length ? `@group(0) @binding(${read.length + written.length}) var<uniform> p: Params;` : '',
    wgsl,
  ].join('\n');
}

const STORED_AS: Partial<Record<Element, string>> = { half: 'u32', 'vec4<half>': 'vec2<u32>' };

function bound(name: string, type: Element, binding: number, access: string): string {
  return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${STORED_AS[type] ?? type}>;`;
}

/** How a text calls what is generated for a binding. */
const accessor = (name: string, written: boolean) => `${written ? 'write' : 'read'}_${name}(`;

function reader(name: string, type: Element) {
  const called = accessor(name, false);
  const [result, body] = {
    half: ['f32', `return unpack2x16float(${name}[i / 2u])[i % 2u];`],
    'vec4<half>': [
      'vec4<f32>',
      `let w = ${name}[i]; return vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y));`,
    ],
  }[type as string] ?? [type, `return ${name}[i];`];
  return { called, text: `fn ${called}i: u32) -> ${result} { ${body} }` };
}

function writer(name: string, type: Element) {
  const called = accessor(name, true);
  const [taken, value] =
    type === 'vec4<half>'
      ? ['vec4<f32>', 'vec2<u32>(packed_halves(v.xy), packed_halves(v.zw))']
      : [type, 'v'];
  return { called, text: `fn ${called}i: u32, v: ${taken}) { ${name}[i] = ${value}; }` };
}

/**
 * Two halves in a word. WGSL leaves to the GPU what a finite number too large for a half becomes: rounding towards zero makes the
 * largest half of it, and nobody would see an overflow. So those from 65520 on are made infinite first.
 */
const HALVES_WGSL = `
fn packed_halves(v: vec2<f32>) -> u32 {
  return pack2x16float(v * select(vec2<f32>(1.0), vec2<f32>(3e38), abs(v) >= vec2<f32>(65520.0)));
}`;

function describe(device: GPUDevice, program: Program) {
  const inputs = Object.keys(program.inputs);
  const outputs = Object.keys(program.outputs);
  const bindings = inputs.length + outputs.length;
  const buffer = (type: GPUBufferBindingType) => ({ visibility: 4 /* COMPUTE */, buffer: { type } });
  const layout = device.createBindGroupLayout({
    label: program.name,
    entries: [
      ...inputs.map((_, binding) => ({ binding, ...buffer('read-only-storage') })),
      ...outputs.map((_, i) => ({ binding: inputs.length + i, ...buffer('storage') })),
      ...(Object.keys(program.params ?? {}).length ? [{ binding: bindings, ...buffer('uniform') }] : []),
    ],
  });
  const descriptor: GPUComputePipelineDescriptor = {
    label: program.name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: {
      module: device.createShaderModule({ label: program.name, code: codeOf(program) }),
      entryPoint: 'main',
    },
  };
  return { layout, descriptor, bindings };
}

/** Parameter blocks never change once made, so that recordings can hold them: one buffer for each distinct content. */
export function uniform(program: Program, params: Readonly<Record<string, number>>): GPUBuffer {
  const fields = Object.entries(program.params ?? {});
  const words = new DataView(new ArrayBuffer(Math.ceil(fields.length / 4) * 16));
  fields.forEach(([name, type], i) => {
    const value = params[name];
    if (value === undefined || !Number.isFinite(value))
      throw new Error(`${program.name}: parameter ${name} is ${value}.`);
    if (type === 'f32') words.setFloat32(4 * i, value, true);
    else if (type === 'u32') words.setUint32(4 * i, value, true);
    else words.setInt32(4 * i, value, true);
  });
  const key = Array.from(new Uint32Array(words.buffer)).join();
  const { uniforms, device } = context();
  const known = uniforms.get(key);
  if (known) return known;
  const buffer = device.createBuffer({
    size: words.byteLength,
    usage: GPUBufferUsage.UNIFORM,
    mappedAtCreation: true,
  });
  new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(words.buffer));
  buffer.unmap();
  uniforms.set(key, buffer);
  return buffer;
}
