/**
 * Every GPU buffer that tfjs and our kernels use, counted by label. Stands in for tfjs's `BufferManager`, which keys
 * free buffers by exact size and never gives one back. Adds a byte ledger, trimming, and arenas: the buffers that
 * recorded steps own and share among each other, so that nothing else can be handed one of them between replays.
 */

/** The bytes on the GPU now and at their highest, by what they are for. */
export interface Ledger {
  allocatedBytes: number;
  usedBytes: number;
  peakBytes: number;
  byLabel: Record<string, number>;
}

interface Owned {
  size: number;
  label: string;
  arena: Arena | undefined;
}

export class BufferPool {
  /** Read by tfjs's `memory()`. */
  numBytesUsed = 0;
  numBytesAllocated = 0;
  private peak = 0;
  private free = new Map<string, GPUBuffer[]>();
  private used = new Map<GPUBuffer, Owned>();
  private freeCount = 0;
  /** While true, buffers are made up: see `simulate`. */
  simulating = false;
  /** Bytes that a buffer may have while they are made up: another adapter's limit. Undefined: the open one's. */
  simulatedLimit: number | undefined;
  private label = 'other';
  private arena: Arena | undefined;

  constructor(private readonly device: GPUDevice) {}

  /** tfjs's signature: `reuse` false asks for a buffer of its own, destroyed on release. */
  acquireBuffer(size: number, usage: GPUBufferUsageFlags, mappedAtCreation = false, reuse = true): GPUBuffer {
    this.check(size, usage);
    if (this.arena && usage === STORAGE && !mappedAtCreation) return this.fromArena(this.arena, size);
    const list = reuse ? this.free.get(`${size}_${usage}`) : undefined;
    let buffer = list?.pop();
    if (buffer) this.freeCount--;
    else buffer = this.create(size, usage, mappedAtCreation);
    this.own(buffer, { size, label: this.label, arena: undefined });
    return buffer;
  }

  releaseBuffer(buffer: GPUBuffer, reuse = true): void {
    const owned = this.used.get(buffer);
    if (!owned)
      throw new Error(`A GPU buffer of ${buffer.size} bytes was released twice, or never acquired.`);
    this.used.delete(buffer);
    this.numBytesUsed -= owned.size;
    if (owned.arena) owned.arena.take(buffer);
    else if (reuse) {
      const key = `${buffer.size}_${buffer.usage}`;
      const list = this.free.get(key);
      if (list) list.push(buffer);
      else this.free.set(key, [buffer]);
      this.freeCount++;
    } else this.destroy(buffer);
  }

  getNumUsedBuffers(): number {
    return this.used.size;
  }

  getNumFreeBuffers(): number {
    return this.freeCount;
  }

  /** Destroys free buffers outside arenas. Call with no command buffer open: `program.ts` has `trim()` for it. */
  trim(): void {
    for (const list of this.free.values()) for (const buffer of list) this.destroy(buffer);
    this.free.clear();
    this.freeCount = 0;
  }

  dispose(): void {
    this.trim();
    for (const buffer of this.used.keys()) buffer.destroy();
    this.used.clear();
    this.numBytesUsed = 0;
    this.numBytesAllocated = 0;
  }

  /** Runs `work` with its allocations booked under `label`. Synchronous: a label must not leak across an await. */
  labelled<T>(label: string, work: () => T): T {
    const before = this.label;
    this.label = label;
    try {
      return work();
    } finally {
      this.label = before;
    }
  }

  /** Runs `work` with all its tensors allocated in `arena`. Synchronous, as `labelled`. */
  inArena<T>(arena: Arena, work: () => T): T {
    const before = this.arena;
    this.arena = arena;
    try {
      return work();
    } finally {
      this.arena = before;
    }
  }

  ledger(): Ledger {
    const byLabel: Record<string, number> = {};
    for (const { size, label } of this.used.values()) byLabel[label] = (byLabel[label] ?? 0) + size;
    return {
      allocatedBytes: this.numBytesAllocated,
      usedBytes: this.numBytesUsed,
      peakBytes: this.peak,
      byLabel,
    };
  }

  /** Starts the peak anew from what is allocated now. */
  resetPeak(): void {
    this.peak = this.numBytesAllocated;
  }

  /**
   * Runs `work` with made-up buffers and tells the most bytes it had allocated at once, from an empty start. `work` is
   * synchronous, must dispose all it makes, and its dispatches do nothing: a prediction that costs no GPU memory.
   */
  simulate(work: () => void): number {
    const { free, used, freeCount, numBytesUsed, numBytesAllocated, peak } = this;
    Object.assign(this, {
      free: new Map(),
      used: new Map(),
      freeCount: 0,
      numBytesUsed: 0,
      numBytesAllocated: 0,
      peak: 0,
    });
    this.simulating = true;
    try {
      work();
      if (this.used.size) throw new Error(`${this.used.size} buffers of a simulation were not released.`);
      return this.peak;
    } finally {
      this.simulating = false;
      Object.assign(this, { free, used, freeCount, numBytesUsed, numBytesAllocated, peak });
    }
  }

  destroyArena(arena: Arena): void {
    for (const list of arena.free.values()) for (const buffer of list) this.destroy(buffer);
    arena.free.clear();
    arena.bytes = 0;
  }

  private fromArena(arena: Arena, size: number): GPUBuffer {
    const wanted = sizeClass(size);
    // The smallest that is free, up to twice as large: nine classes to look at, where one after another was thousands.
    let buffer: GPUBuffer | undefined;
    for (let have = wanted; buffer === undefined && have <= 2 * wanted; have = sizeClass(have + 1))
      buffer = arena.free.get(have)?.pop();
    if (buffer === undefined) {
      buffer = this.create(wanted, STORAGE, false);
      arena.bytes += wanted;
    }
    this.own(buffer, { size: buffer.size, label: 'activations', arena });
    return buffer;
  }

  private own(buffer: GPUBuffer, owned: Owned): void {
    this.used.set(buffer, owned);
    this.numBytesUsed += owned.size;
  }

  /** Throws `BufferTooLargeError` for what could not be made, or could not be bound whole: now rather than in mid-run. */
  private check(size: number, usage: GPUBufferUsageFlags): void {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const own = usage & STORAGE_USAGE ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
    const limit = (this.simulating ? this.simulatedLimit : undefined) ?? own;
    if (size > limit) throw new BufferTooLargeError(size, limit);
  }

  private create(size: number, usage: GPUBufferUsageFlags, mappedAtCreation: boolean): GPUBuffer {
    const buffer = this.simulating
      ? madeUp(size, usage)
      : this.device.createBuffer({ size, usage, mappedAtCreation });
    this.numBytesAllocated += size;
    this.peak = Math.max(this.peak, this.numBytesAllocated);
    return buffer;
  }

  private destroy(buffer: GPUBuffer): void {
    this.numBytesAllocated -= buffer.size;
    buffer.destroy();
  }
}

/** tfjs asks `instanceof GPUBuffer` before it releases one. */
function madeUp(size: number, usage: number): GPUBuffer {
  const buffer = Object.create(madeUpOnes()) as { size: number; usage: number };
  buffer.size = size;
  buffer.usage = usage;
  return buffer as GPUBuffer;
}

/** What they have in common; GPUBuffer's own properties cannot be written. Absent before set-up in Node. */
function madeUpOnes(): object {
  ones ??= Object.create(GPUBuffer.prototype, {
    size: { value: 0, writable: true },
    usage: { value: 0, writable: true },
    destroy: { value: () => undefined },
    mapState: { value: 'unmapped' },
  }) as object;
  return ones;
}
let ones: object | undefined;

/** Buffers that belong to recorded steps; see `BufferPool.inArena`. */
export class Arena {
  /** By size, each a `sizeClass`. */
  readonly free = new Map<number, GPUBuffer[]>();
  bytes = 0;

  take(buffer: GPUBuffer): void {
    const list = this.free.get(buffer.size);
    if (list) list.push(buffer);
    else this.free.set(buffer.size, [buffer]);
  }
}

export class BufferTooLargeError extends Error {
  override readonly name = 'BufferTooLargeError';
  readonly code = 'buffer';
  readonly facts: { bytes: number; limitBytes: number };
  constructor(size: number, limit: number) {
    super(
      `A GPU buffer of ${(size / 2 ** 20).toFixed(0)} MiB was needed, and this adapter allows ${(limit / 2 ** 20).toFixed(0)} MiB. ` +
        'Lower the resolution or the batch size.',
    );
    this.facts = { bytes: size, limitBytes: limit };
  }
}

/** STORAGE | COPY_SRC | COPY_DST: the usage of every tfjs tensor. Numbers, as `GPUBufferUsage` is absent before set-up in Node. */
export const STORAGE = 0x80 | 0x04 | 0x08;
const STORAGE_USAGE = 0x80;

/** Rounds up to eighths of a power of two (at most 12.5 % waste), so that buckets of nearby shapes share buffers. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** Math.floor(Math.log2(bytes)) / 8;
  return Math.ceil(bytes / step) * step;
}
