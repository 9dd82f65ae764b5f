/**
 * Token ids of prompts on the GPU, as each text encoder of a family takes them, with the rows that join a long prompt's
 * chunks and those that end its first one. Written anew for every batch of the same shape.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { promptRows } from '../../kernels/layout/layout';
import { reserve, upload, write } from '../../kernels/program';
import type { TextPart } from '../../formats/families/family_facts';
import type { Family, Prompts } from '../../models/family';
import type { TextConfig } from '../../models/config';

type TextConfigs = Readonly<Partial<Record<TextPart, TextConfig>>>;

export class PromptInputs {
  readonly ids: Readonly<Partial<Record<TextPart, Tensor>>>;
  readonly rows: Tensor | undefined;
  readonly ends: Tensor | undefined;
  private readonly encoders: readonly (readonly [TextPart, TextConfig, Tensor])[];
  private readonly positions: number;

  /** For `size` prompts of `chunks` each; `label` names these bytes in the ledger. */
  constructor(
    private readonly family: Pick<Family, 'texts' | 'idsOf' | 'sizes'>,
    configs: TextConfigs,
    size: number,
    private readonly chunks: number,
    label: string,
  ) {
    this.positions = configs.text1?.positions ?? 0;
    this.encoders = family.texts.flatMap((part) => {
      const config = configs[part];
      return config
        ? [[part, config, reserve([size * chunks, this.positions], 'int32', label)] as const]
        : [];
    });
    this.ids = Object.fromEntries(this.encoders.map(([part, , ids]) => [part, ids]));
    this.rows =
      chunks > 1
        ? upload(promptRows(size, chunks), [size * (chunks * (this.positions - 2) + 2)], label)
        : undefined;
    this.ends = family.sizes ? reserve([size], 'int32', label) : undefined;
  }

  /** ids [size * chunks * positions] as `captionIds` gives them: padded with the end token. */
  write(ids: Int32Array): void {
    for (const [part, config, tensor] of this.encoders) write(tensor, this.family.idsOf(part, ids, config));
    const [, first] = this.encoders[0] ?? [];
    if (this.ends && first) write(this.ends, endsOf(ids, this.chunks, first));
  }

  with(clipSkip: number): Prompts {
    const { ids, chunks, rows, ends } = this;
    return { ids, chunks, clipSkip, rows, ...(ends ? { ends } : {}) };
  }

  dispose(): void {
    for (const [, , tensor] of this.encoders) tensor.dispose();
    this.rows?.dispose();
    this.ends?.dispose();
  }
}

/** Of every prompt the place of the first end token, which is in its first chunk: the last of the vocabulary. */
export function endsOf(
  ids: Int32Array,
  chunks: number,
  { positions, vocabulary }: Pick<TextConfig, 'positions' | 'vocabulary'>,
): Int32Array {
  return Int32Array.from({ length: ids.length / (chunks * positions) }, (_, i) =>
    ids.indexOf(vocabulary - 1, i * chunks * positions),
  );
}
