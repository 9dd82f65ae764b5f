/**
 * The trainable part: for every adapted module a pair down [rank, in], up [out, rank] in f32, each of a rank of its own. All of them are windows
 * into one flat tensor, so that the optimizer is one dispatch. LoRA: Hu et al. 2021; modules as kohya's `networks.lora`.
 */
import type { Tensor } from '@tensorflow/tfjs';
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

export interface LoraValues {
  down: Float32Array;
  up: Float32Array;
}

/** The text encoders' modules come first. */
const ORDER: readonly LoraPart[] = ['text1', 'text2', 'unet'];

interface Placed extends LoraShape {
  down: number;
  up: number;
}

export class LoraParameters {
  readonly modules: readonly Placed[];
  /** Elements of the flat tensor; the text encoder's come first, up to `textSize`. */
  readonly size: number;
  readonly textSize: number;
  readonly values: Tensor;
  private readonly byPath = new Map<string, Lora>();

  /** Reserves GPU memory, contents undefined until `set`. */
  constructor(shapes: readonly LoraShape[], dropout?: { rate: number; seed: Tensor }) {
    const ordered = [...shapes].sort((a, b) => ORDER.indexOf(a.part) - ORDER.indexOf(b.part));
    let offset = 0;
    let textSize = 0;
    this.modules = ordered.map((shape) => {
      const down = offset;
      const up = down + aligned(shape.rank * shape.in);
      offset = up + aligned(shape.rank * shape.out);
      if (shape.part !== 'unet') textSize = offset;
      return { ...shape, down, up };
    });
    this.size = offset;
    this.textSize = textSize;
    this.values = reserve([this.size], 'float32', 'LoRA');
    for (const [stream, module] of this.modules.entries()) {
      this.byPath.set(module.path, {
        down: view(this.values, module.down, [module.rank, module.in]),
        up: view(this.values, module.up, [module.out, module.rank]),
        scale: module.alpha / module.rank,
        ...(dropout && dropout.rate > 0 ? { dropout: { ...dropout, stream } } : {}),
      });
    }
  }

  /** The module's tensors, or undefined if it is not adapted. */
  of = (path: string): Lora | undefined => this.byPath.get(path);

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
    write(this.values, flat);
  }

  /** Reads all modules back. Waits for the GPU. */
  async get(): Promise<Map<string, LoraValues>> {
    return this.split(await read(this.values));
  }

  /** Cuts a flat array (values, gradients, moments) into modules. */
  split(flat: Float32Array): Map<string, LoraValues> {
    return new Map(
      this.modules.map(({ path, down, up, rank, in: i, out }) => [
        path,
        { down: flat.slice(down, down + rank * i), up: flat.slice(up, up + rank * out) },
      ]),
    );
  }

  dispose(): void {
    for (const { down, up } of this.byPath.values()) {
      down.dispose();
      up.dispose();
    }
    this.byPath.clear();
    this.values.dispose();
  }
}

function aligned(elements: number): number {
  return Math.ceil(elements / VIEW_ALIGNMENT) * VIEW_ALIGNMENT;
}
