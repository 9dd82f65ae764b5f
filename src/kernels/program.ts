/**
 * The single door into tfjs's WebGPU backend. Kernels describe a `Program` (bindings, parameters, WGSL) and
 * `dispatch` it: it is encoded into the backend's own command stream, so that ours and stock operations
 * interleave without a flush, and, while a `Recorder` listens, noted for replay (`recording.ts`).
 *
 * Nothing here marks tensors as owned by the command queue, as stock programs do. A buffer whose tensor is disposed
 * may therefore be handed out again before the submit; that is safe, since commands run in the order encoded, as
 * long as data enters through the encoder too. `write` is the exception and submits first.
 *
 * Longer than most files, for everything that touches the backend's private members is here and nowhere else.
 */
import * as tf from '@tensorflow/tfjs';
import type { DataId, TensorInfo, DataType } from '@tensorflow/tfjs';
import { STORAGE, type BufferPool } from './buffers';
import { gpu, type Gpu } from './device';
import { floatsToHalves, halfToFloat } from './linear/half_bits';
import { compile, uniform, withHalves, type Program } from './pipeline';

export { plainName, program, type Element, type Program } from './pipeline';

export interface Dispatch {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly groups: readonly [number, number, number];
  readonly flops: number;
}

/**
 * Encodes one dispatch. `tensors` are the inputs and then the outputs, in the order the program names them; an output
 * may be a tensor that lives on (in-place updates), but must not be among the inputs. `flops` is for accounting and
 * for keeping submits short; multiply-adds count two.
 */
export function dispatch(
  of: Program,
  tensors: readonly TensorInfo[],
  params: Readonly<Record<string, number>>,
  groups: readonly [number, number, number],
  flops = 0,
): void {
  const door = backendDoor();
  const program = asStored(of, tensors);
  const slices = slicesOf(program, groups, flops);
  if (door.bufferManager.simulating) {
    for (const tensor of tensors) rangeOf(door, tensor, program.name);
    simulated.flops += flops;
    simulated.dispatches += slices.length;
    simulated.programs.set(program.name, program);
    for (const { groups, share } of slices) {
      const bytes = tensors.map((tensor) => share * byteSize(tensor));
      simulated.heard?.({ program, params, groups, flops: share * flops, bytes });
    }
    return;
  }
  const compiled = compile(program);
  const entries: GPUBindGroupEntry[] = tensors.map((tensor, binding) => ({
    binding,
    resource: { ...rangeOf(door, tensor, program.name), size: byteSize(tensor) },
  }));
  if (entries.length !== compiled.bindings) {
    throw new Error(
      `${program.name}: ${compiled.bindings} bindings are declared, ${entries.length} tensors were given.`,
    );
  }
  for (const { groups, first, share } of slices) {
    const block = program.params && uniform(program, program.cut ? { ...params, first } : params);
    const bindGroup = door.device.createBindGroup({
      layout: compiled.layout,
      entries: block ? [...entries, { binding: entries.length, resource: { buffer: block } }] : entries,
    });
    encode(door, {
      name: program.name,
      pipeline: compiled.pipeline,
      bindGroup,
      groups,
      flops: share * flops,
    });
  }
}

/** The program as it reads and writes these tensors, some of which may be stored as halves. */
function asStored(program: Program, tensors: readonly TensorInfo[]): Program {
  if (!tensors.some(isHalves)) return program;
  const names = [...Object.keys(program.inputs), ...Object.keys(program.outputs)];
  return withHalves(
    program,
    names.filter((_, i) => tensors[i] && isHalves(tensors[i])),
  );
}

interface Slice {
  readonly groups: readonly [number, number, number];
  /** What `first` is for it. */
  readonly first: number;
  /** Of the whole dispatch's work. */
  readonly share: number;
}

/** One, unless the work is more than one submit should have. Which workgroups run together changes no result. */
function slicesOf({ cut }: Program, groups: readonly [number, number, number], flops: number): Slice[] {
  const [x, y, z] = groups;
  // A folded range is cut between its lines.
  const lines = cut === 'linear' && y > 1;
  const length = lines ? y : x;
  const count = cut ? Math.min(length, Math.ceil(flops / flopsPerSubmit())) : 1;
  if (count <= 1) return [{ groups, first: 0, share: 1 }];
  const each = Math.ceil(length / count);
  return Array.from({ length: Math.ceil(length / each) }, (_, i) => {
    const [from, n] = [i * each, Math.min(each, length - i * each)];
    return { groups: lines ? [x, n, z] : [n, y, z], first: lines ? from * x : from, share: n / length };
  });
}

/** A tensor for a kernel's output: undefined contents, owned by the caller's scope once the kernel returns it. */
export function allocate(shape: readonly number[], dtype: DataType = 'float32'): TensorInfo {
  return backendDoor().makeTensorInfo([...shape], dtype);
}

/**
 * `allocate` for what the forward pass makes, [B, ..., C]: within `storingHalves` its values are stored as halves, if C is a
 * multiple of four. What has no extent between the batch and its channels stays f32: it is small.
 */
export function allocateActivation(shape: readonly number[]): TensorInfo {
  const tensor = allocate(shape);
  if (storing && shape.length > 2 && shape[shape.length - 1] % 4 === 0) halves.add(tensor.dataId);
  return tensor;
}

/** Runs `work` with its activations stored as halves, two to a word: half the memory, each rounded once (2^-11 relative). */
export function storingHalves<T>(work: () => T): T {
  const before = storing;
  storing = true;
  try {
    return work();
  } finally {
    storing = before;
  }
}

/** Whether the values of an f32 tensor are stored as halves. To tfjs it is like any other; only our kernels can read it. */
export function isHalves({ dataId }: TensorInfo): boolean {
  return halves.has(dataId);
}

/** Ends the open pass and submits what was encoded so far. */
export function flush(): void {
  const door = backendDoor();
  door.endComputePassEncoder();
  if (door.commandEncoder) door.submitQueue();
  pendingFlops = 0;
}

/**
 * Copies the values of an f32 tensor from the GPU, exactly as many as it has (a pooled buffer may be longer).
 * One GPU-to-host synchronisation: never inside a step that should run ahead.
 */
export async function read(tensor: TensorInfo): Promise<Float32Array<ArrayBuffer>> {
  const bytes = await readBytes(tensor, 'float32');
  return isHalves(tensor) ? Float32Array.from(new Uint16Array(bytes), halfToFloat) : new Float32Array(bytes);
}

/** `read` for int32 tensors, packed halves included. */
export async function readInts(tensor: TensorInfo): Promise<Int32Array<ArrayBuffer>> {
  return new Int32Array(await readBytes(tensor, 'int32'));
}

/** Overwrites a tensor that lives on, starting at element `offset`. Submits first: a queue write overtakes open commands. */
export function write(tensor: TensorInfo, values: Float32Array | Int32Array | Uint32Array, offset = 0): void {
  const door = backendDoor();
  const range = rangeOf(door, tensor, 'write');
  if (offset * 4 + values.byteLength > byteSize(tensor)) {
    throw new Error(
      `write: ${values.length} values from ${offset} pass the end of a tensor of shape [${tensor.shape}].`,
    );
  }
  if (door.bufferManager.simulating) return;
  flush();
  door.queue.writeBuffer(
    range.buffer,
    range.offset + offset * 4,
    values.buffer,
    values.byteOffset,
    values.byteLength,
  );
}

/** A tensor that lives on, booked under `label`, contents undefined. The tensor is kept: its owner disposes it. */
export function reserve(shape: readonly number[], dtype: 'float32' | 'int32', label: string): tf.Tensor {
  const tensor = tf.keep(tf.engine().makeTensorFromTensorInfo(allocate(shape, dtype)));
  const door = backendDoor();
  gpu().buffers.labelled(label, () => door.uploadToGPU(tensor.dataId));
  return tensor;
}

/** `reserve`, filled with values at once. */
export function upload(
  values: Float32Array | Int32Array | Uint32Array,
  shape: readonly number[],
  label: string,
): tf.Tensor {
  const tensor = reserve(shape, values instanceof Float32Array ? 'float32' : 'int32', label);
  write(tensor, values);
  return tensor;
}

/** `upload` of numbers to be stored as halves, rounded to nearest even. */
export function uploadHalves(values: Float32Array, shape: readonly number[], label: string): tf.Tensor {
  const info = allocate(shape);
  halves.add(info.dataId);
  const tensor = tf.keep(tf.engine().makeTensorFromTensorInfo(info));
  gpu().buffers.labelled(label, () => write(tensor, new Uint32Array(floatsToHalves(values).buffer)));
  return tensor;
}

/**
 * A tensor that is a window into `base`, from element `offset` (a multiple of VIEW_ALIGNMENT). It owns nothing, must not
 * outlive `base`, and is only for our kernels: a dispatch may not read it while writing `base`.
 */
export function view(base: tf.Tensor, offset: number, shape: readonly number[]): tf.Tensor {
  if (offset % VIEW_ALIGNMENT !== 0)
    throw new Error(`A view at element ${offset}: it must start at a multiple of ${VIEW_ALIGNMENT}.`);
  const info = allocate(shape, base.dtype);
  views.set(info.dataId, { base, offset: offset * 4 });
  return tf.keep(tf.engine().makeTensorFromTensorInfo(info));
}

/** Elements: WebGPU binds storage at multiples of 256 bytes. */
export const VIEW_ALIGNMENT = 64;

/** Resolves when the GPU has done, and taken in, everything so far: bounds what is staged for it in host memory. */
export async function settled(): Promise<void> {
  flush();
  await gpu().device.queue.onSubmittedWorkDone();
}

/** Destroys pooled free buffers, after submitting what may still use them. */
export function trim(): void {
  flush();
  gpu().buffers.trim();
}

/** What a recorder hears: each dispatch as it is encoded. */
export type Listener = (dispatch: Dispatch) => void;

/** Runs `work` with `listener` hearing every dispatch; a stock tfjs program inside throws. */
export function listening<T>(listener: Listener, work: () => T): T {
  const door = backendDoor();
  if (activeListener) throw new Error('A recording is under way already.');
  activeListener = listener;
  const stock = door.runWebGPUProgram;
  door.runWebGPUProgram = (program) => {
    throw new Error(
      `Stock tfjs program ${program.constructor.name} ran inside a recorded step; its uniforms would not survive the replay.`,
    );
  };
  try {
    return work();
  } finally {
    door.runWebGPUProgram = stock;
    activeListener = undefined;
  }
}

export interface Simulation {
  peakBytes: number;
  flops: number;
  dispatches: number;
  /** By name: everything that would run. */
  programs: ReadonlyMap<string, Program>;
}

/** A dispatch that would be: `bytes` of its tensors, inputs and then outputs. */
export interface SimulatedDispatch {
  readonly program: Program;
  readonly params: Readonly<Record<string, number>>;
  readonly groups: readonly [number, number, number];
  readonly flops: number;
  readonly bytes: readonly number[];
}

/** What `work` would allocate at its peak and compute, without doing it; `heard` is told of each dispatch. See `BufferPool.simulate`. */
export function simulate(work: () => void, heard?: (dispatch: SimulatedDispatch) => void): Simulation {
  flush();
  simulated = { ...nothing(), ...(heard ? { heard } : {}) };
  const peakBytes = gpu().buffers.simulate(work);
  const { flops, dispatches, programs } = simulated;
  simulated = nothing();
  return { peakBytes, flops, dispatches, programs };
}

/** Workgroup counts for a one-dimensional range, folded where it passes 65535. Shaders read `linearGroup`. */
export function groups1d(count: number): [number, number, number] {
  if (count <= 65535) return [count, 1, 1];
  const y = Math.ceil(count / 65535);
  return [Math.ceil(count / y), y, 1];
}

/** WGSL for the other end of `groups1d`: needs `@builtin(workgroup_id) wid` and `@builtin(num_workgroups) nwg`. */
export const LINEAR_GROUP =
  'fn linearGroup(wid: vec3<u32>, nwg: vec3<u32>) -> u32 { return wid.x + wid.y * nwg.x; }';

// ---------------------------------------------------------------------------------------------------------------

/** The backend members we rely on (tfjs-backend-webgpu 4.22.0, pinned). Private in its types; nothing else reaches in. */
interface BackendDoor {
  device: GPUDevice;
  queue: GPUQueue;
  bufferManager: BufferPool;
  tensorMap: { get(id: DataId): { values?: ArrayLike<number> | null; resource?: GPUBuffer | null } };
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(id: DataId): void;
  makeTensorInfo(shape: number[], dtype: DataType): TensorInfo;
  runWebGPUProgram(program: object, ...rest: unknown[]): TensorInfo;
}

/** Seconds that the work of one submit should take at most, so that no watchdog sees a long one (Windows': two seconds). */
const SUBMIT_SECONDS = 0.1;
/** Where the rate is not known: a 5 TFLOP/s GPU's for some 40 ms. */
const FLOPS_PER_SUBMIT = 2e11;

/** By the rate that was measured of the adapter, where it was. */
export function flopsPerSubmit({ tuning }: Pick<Gpu, 'tuning'> = gpu()): number {
  return tuning?.gflops === undefined ? FLOPS_PER_SUBMIT : SUBMIT_SECONDS * 1e9 * tuning.gflops;
}

const DISPATCHES_PER_SUBMIT = 512;

const views = new WeakMap<DataId, { base: tf.Tensor; offset: number }>();
const halves = new WeakSet<DataId>();
let storing = false;
let activeListener: Listener | undefined;
let pendingFlops = 0;
interface Simulated {
  flops: number;
  dispatches: number;
  programs: Map<string, Program>;
  heard?: (dispatch: SimulatedDispatch) => void;
}
const nothing = (): Simulated => ({ flops: 0, dispatches: 0, programs: new Map() });
let simulated = nothing();

function backendDoor(): BackendDoor {
  return tf.backend() as unknown as BackendDoor;
}

async function readBytes(tensor: TensorInfo, dtype: DataType): Promise<ArrayBuffer> {
  if (tensor.dtype !== dtype) throw new Error(`read: a tensor of ${tensor.dtype} was read as ${dtype}.`);
  const door = backendDoor();
  const size = byteSize(tensor);
  const staging = door.device.createBuffer({
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const { buffer, offset } = rangeOf(door, tensor, 'read');
  const encoder = openEncoder(door);
  door.endComputePassEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
  flush();
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return bytes;
}

function openEncoder(door: BackendDoor): GPUCommandEncoder {
  door.ensureCommandEncoderReady();
  if (!door.commandEncoder) throw new Error('tfjs opened no command encoder.');
  return door.commandEncoder;
}

function encode(door: BackendDoor, item: Dispatch): void {
  const encoder = openEncoder(door);
  const pass = door.computePassEncoder ?? encoder.beginComputePass();
  door.computePassEncoder = pass;
  pass.setPipeline(item.pipeline);
  pass.setBindGroup(0, item.bindGroup);
  pass.dispatchWorkgroups(...item.groups);
  activeListener?.(item);
  door.dispatchCountInPass++;
  pendingFlops += item.flops;
  if (pendingFlops >= flopsPerSubmit() || door.dispatchCountInPass >= DISPATCHES_PER_SUBMIT) flush();
}

/** Encodes dispatches noted earlier, in as few passes and submits as the watchdog allows. */
export function replayAll(items: readonly Dispatch[]): void {
  flush();
  const { device, queue } = backendDoor();
  const most = flopsPerSubmit();
  let at = 0;
  while (at < items.length) {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let flops = 0;
    let pipeline: GPUComputePipeline | undefined;
    for (let n = 0; at < items.length && n < 4 * DISPATCHES_PER_SUBMIT && flops < most; n++, at++) {
      const item = items[at];
      if (item.pipeline !== pipeline) pass.setPipeline((pipeline = item.pipeline));
      pass.setBindGroup(0, item.bindGroup);
      pass.dispatchWorkgroups(item.groups[0], item.groups[1], item.groups[2]);
      flops += item.flops;
    }
    pass.end();
    queue.submit([encoder.finish()]);
  }
}

function rangeOf(door: BackendDoor, tensor: TensorInfo, user: string): { buffer: GPUBuffer; offset: number } {
  const window = views.get(tensor.dataId);
  if (window) return { buffer: bufferOf(door, window.base, user), offset: window.offset };
  return { buffer: bufferOf(door, tensor, user), offset: 0 };
}

function bufferOf(door: BackendDoor, tensor: TensorInfo, user: string): GPUBuffer {
  const data = door.tensorMap.get(tensor.dataId);
  if (!data) throw new Error(`${user}: a tensor of shape [${tensor.shape}] was disposed before its use.`);
  if (!data.resource) {
    if (activeListener && data.values) {
      throw new Error(
        `${user}: a host constant of shape [${tensor.shape}] entered a recorded step; upload it before.`,
      );
    }
    if (isHalves(tensor)) data.resource = door.bufferManager.acquireBuffer(byteSize(tensor), STORAGE);
    else door.uploadToGPU(tensor.dataId);
  }
  if (!data.resource)
    throw new Error(`${user}: tfjs gave no buffer for a tensor of shape [${tensor.shape}].`);
  return data.resource;
}

function byteSize(tensor: TensorInfo): number {
  return (isHalves(tensor) ? 2 : 4) * tensor.shape.reduce((product, n) => product * n, 1);
}
