/**
 * The trainable part: for every adapted module a pair down [rank, in], up [out, rank] in f32, each of a rank of its own.
 * All of them are windows into one flat vector, so that the optimizer is a few dispatches; it lies on the GPU in pieces
 * that can be bound, mostly one. LoRA: Hu et al. 2021; modules as kohya's `networks.lora`.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { gpu } from '../kernels/device';
import type { Lora } from '../kernels/lora/lora';
import { VIEW_ALIGNMENT, read, reserve, view, write } from '../kernels/program';
import type { LoraPart } from '../formats/families/family_facts';

export interface LoraShape {
  part: LoraPart;
  /** kohya's name of it. */
  name: string;
  /** diffusers module path. */
  path: string;
  in: number;
  out: number;
  /** A 1x1 convolution: files give its matrices two trailing dimensions. */
  conv: boolean;
  rank: number;
  /** Its output is multiplied by alpha / rank. */
  alpha: number;
}

/** Of a part, the LoRA of a module by its path: two text encoders have modules of the same path. */
export type LoraOf = (part: LoraPart) => (path: string) => Lora | undefined;

export interface LoraValues {
  down: Float32Array;
  up: Float32Array;
}

/** Where a module lies: elements of the flat vector, all of them in one piece of it. */
export interface PlacedModule extends LoraShape {
  down: number;
  up: number;
  /** The next module begins here. */
  end: number;
  piece: number;
}

/** Elements `from` to `to` of the flat vector. */
export interface PieceRange {
  from: number;
  to: number;
}

/** The text encoders' modules come first. */
const ORDER: readonly LoraPart[] = ['text1', 'text2', 'unet'];

/**
 * A place for every module, in pieces of at most `limit` elements; one that is larger has a piece for itself. Pure: what
 * the optimizer's sums are taken over follows from the shapes and the limit alone.
 */
export function placeModules(
  shapes: readonly LoraShape[],
  limit: number,
): { modules: PlacedModule[]; pieces: PieceRange[] } {
  const ordered = [...shapes].sort((a, b) => ORDER.indexOf(a.part) - ORDER.indexOf(b.part));
  const pieces: PieceRange[] = [];
  let piece = { from: 0, to: 0 };
  const modules = ordered.map((shape) => {
    const down = piece.to;
    const up = down + aligned(shape.rank * shape.in);
    const end = up + aligned(shape.rank * shape.out);
    if (pieces.length === 0 || (end - piece.from > limit && down > piece.from))
      pieces.push((piece = { from: down, to: end }));
    else piece.to = end;
    return { ...shape, down, up, end, piece: pieces.length - 1 };
  });
  return { modules, pieces };
}

export class LoraParameters {
  readonly modules: readonly PlacedModule[];
  readonly pieces: readonly PieceRange[];
  /** Elements of the flat vector. */
  readonly size: number;
  /** One tensor a piece. */
  readonly values: readonly Tensor[];
  private readonly byPart: Readonly<Record<LoraPart, Map<string, Lora>>> = {
    unet: new Map(),
    text1: new Map(),
    text2: new Map(),
  };

  /** Reserves GPU memory, contents undefined until `set`. `limit` is the most elements that can be bound at once. */
  constructor(
    shapes: readonly LoraShape[],
    dropout?: { rate: number; seed: Tensor },
    limit = bindableElements(),
  ) {
    const { modules, pieces } = placeModules(shapes, limit);
    this.modules = modules;
    this.pieces = pieces;
    this.size = pieces.at(-1)?.to ?? 0;
    this.values = reservePieces(pieces, 'LoRA');
    for (const [stream, { part, path, down, up, piece, rank, alpha, ...module }] of modules.entries()) {
      const { from } = pieces[piece];
      const values = this.values[piece];
      this.byPart[part].set(path, {
        down: view(values, down - from, [rank, module.in]),
        up: view(values, up - from, [module.out, rank]),
        scale: alpha / rank,
        ...(dropout && dropout.rate > 0 ? { dropout: { ...dropout, stream } } : {}),
      });
    }
  }

  /** A part's modules by path: their tensors, or undefined where one is not adapted. */
  of: LoraOf = (part) => (path) => this.byPart[part].get(path);

  /** The same as they are used when nothing is trained, without dropout: what samples are drawn with. */
  drawnWith: LoraOf = (part) => (path) => {
    const lora = this.byPart[part].get(path);
    return lora && { down: lora.down, up: lora.up, scale: lora.scale };
  };

  /** Writes every module's values; `values` is asked in file order of modules. */
  set(values: (module: LoraShape) => LoraValues): void {
    const flat = new Float32Array(this.size);
    for (const module of this.modules) {
      const { down, up } = values(module);
      if (down.length !== module.rank * module.in || up.length !== module.rank * module.out) {
        throw new Error(
          `LoRA of ${module.path}: ${down.length} and ${up.length} values do not fit rank ${module.rank}.`,
        );
      }
      flat.set(down, module.down);
      flat.set(up, module.up);
    }
    this.write(flat);
  }

  /** All values, as `read` gave them. */
  write(flat: Float32Array): void {
    writePieces(this.pieces, this.values, flat);
  }

  /** The flat vector, back from the GPU. Waits for it. */
  read(): Promise<Float32Array> {
    return readPieces(this.pieces, this.values);
  }

  /** Reads all modules back. Waits for the GPU. */
  async get(): Promise<Map<string, LoraValues>> {
    return this.split(await this.read());
  }

  /** Cuts a flat vector (values, gradients, moments) into modules, by kohya's names. */
  split(flat: Float32Array): Map<string, LoraValues> {
    return new Map(
      this.modules.map(({ name, down, up, rank, in: i, out }) => [
        name,
        { down: flat.slice(down, down + rank * i), up: flat.slice(up, up + rank * out) },
      ]),
    );
  }

  dispose(): void {
    for (const modules of Object.values(this.byPart)) {
      for (const { down, up } of modules.values()) {
        down.dispose();
        up.dispose();
      }
      modules.clear();
    }
    for (const tensor of this.values) tensor.dispose();
  }
}

/** What the open adapter can bind whole, in f32 elements. */
function bindableElements(): number {
  const { maxBufferSize, maxStorageBufferBindingSize } = gpu().device.limits;
  return Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4);
}

/** A tensor a piece, contents undefined. */
export function reservePieces(pieces: readonly PieceRange[], label: string): Tensor[] {
  return pieces.map(({ from, to }) => reserve([to - from], 'float32', label));
}

export function writePieces(
  pieces: readonly PieceRange[],
  tensors: readonly Tensor[],
  flat: Float32Array,
): void {
  for (const [i, { from, to }] of pieces.entries()) write(tensors[i], flat.subarray(from, to));
}

/** Waits for the GPU. */
export async function readPieces(
  pieces: readonly PieceRange[],
  tensors: readonly Tensor[],
): Promise<Float32Array> {
  // Most are one: no second copy.
  if (tensors.length === 1) return read(tensors[0]);
  const flat = new Float32Array(pieces.at(-1)?.to ?? 0);
  for (const [i, { from }] of pieces.entries()) flat.set(await read(tensors[i]), from);
  return flat;
}

function aligned(elements: number): number {
  return Math.ceil(elements / VIEW_ALIGNMENT) * VIEW_ALIGNMENT;
}
