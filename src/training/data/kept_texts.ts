/**
 * What the U-Net is told of texts, kept on the host: encoded once, then no text encoder is needed. Large states are kept
 * as halves where the family says so; others as they came, to the bit.
 */
import { f16ToF32, f32ToF16 } from '../../formats/safetensors/halves';
import type { FamilyFacts } from '../../formats/families/family_facts';
import type { ModelConfig } from '../../models/family';
import type { TextStates } from './text_states';

type Kept = { [Name in keyof TextStates]: Float32Array | Uint16Array };

/** Bytes of host memory that the captions of a run may take at a time. */
export const MOST_BYTES = 1e9;

export class KeptTexts {
  private readonly states = new Map<string, Kept>();

  constructor(private readonly precision: FamilyFacts['textStates']) {}

  get size(): number {
    return this.states.size;
  }

  has(key: string): boolean {
    return this.states.has(key);
  }

  set(key: string, { context, pooled }: TextStates): void {
    const keep = (values: Float32Array) => (this.precision === 'half' ? f32ToF16(values) : values);
    this.states.set(key, { context: keep(context), ...(pooled ? { pooled: keep(pooled) } : {}) });
  }

  get(key: string): TextStates | undefined {
    const kept = this.states.get(key);
    if (!kept) return undefined;
    const taken = (values: Float32Array | Uint16Array) =>
      values instanceof Uint16Array ? f16ToF32(values) : values;
    const { context, pooled } = kept;
    return { context: taken(context), ...(pooled ? { pooled: taken(pooled) } : {}) };
  }

  /** Forgets all but these. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.states.keys()) if (!keys.has(key)) this.states.delete(key);
  }
}

/** How many captions of this length are kept at a time. */
export function captionsAtOnce(
  { unet, text1 }: Pick<ModelConfig, 'unet' | 'text1'>,
  precision: FamilyFacts['textStates'],
  chunks: number,
): number {
  const values = (chunks * (text1.positions - 2) + 2) * unet.contextChannels + unet.addChannels;
  return Math.max(1, Math.floor(MOST_BYTES / (values * (precision === 'half' ? 2 : 4))));
}
