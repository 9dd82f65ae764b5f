// Which layers kohya's `networks.lora` adapts by default, and what it calls them: every Linear and 1x1
// convolution inside the U-Net's transformers, every Linear in the text encoder's attention and MLP.
// Names are the diffusers paths with underscores for dots. Source: kohya sd-scripts `networks/lora.py`.

/** The numbers the module list follows from. SD 1.5: see `sd15LoraShape`. */
export interface LoraShape {
  /** Channels of each U-Net level, e.g. [320, 640, 1280, 1280]. */
  readonly blockOutChannels: readonly number[];
  readonly layersPerBlock: number;
  /** Per down level, whether it has transformers; up blocks mirror it. SD 1.x: all but the last. */
  readonly attentionLevels: readonly boolean[];
  /** Transformer blocks in each transformer (SD 1.x: 1). */
  readonly transformerDepth: number;
  /** Width of the text the U-Net attends to. */
  readonly crossAttentionDim: number;
  /** The text encoder's layers and widths. */
  readonly text: { readonly layers: number; readonly hidden: number; readonly intermediate: number };
}

export const sd15LoraShape: LoraShape = {
  blockOutChannels: [320, 640, 1280, 1280],
  layersPerBlock: 2,
  attentionLevels: [true, true, true, false],
  transformerDepth: 1,
  crossAttentionDim: 768,
  text: { layers: 12, hidden: 768, intermediate: 3072 },
};

/** One adapted layer: down is [r, inFeatures], up is [outFeatures, r]; `conv` ones have [.., 1, 1] after. */
export interface LoraTarget {
  /** kohya's name, e.g. `lora_unet_mid_block_attentions_0_proj_in`. */
  readonly name: string;
  /** diffusers' path within its part, e.g. `mid_block.attentions.0.proj_in`. */
  readonly path: string;
  readonly part: 'unet' | 'text';
  readonly conv: boolean;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** The kohya name of a layer: prefix, then the path with dots as underscores. */
export function kohyaName(part: 'unet' | 'text', path: string): string {
  return `lora_${part === 'unet' ? 'unet' : 'te'}_${path.replaceAll('.', '_')}`;
}

/** All targets, U-Net first, in the order of the model (SD 1.5: 192 + 72). */
export function loraTargets(shape: LoraShape): LoraTarget[] {
  return [...unetTargets(shape), ...textTargets(shape)];
}

/** The U-Net's targets in the order of the model (SD 1.5: 192). */
export function unetTargets(shape: LoraShape): LoraTarget[] {
  const { blockOutChannels, layersPerBlock, attentionLevels } = shape;
  const levels = blockOutChannels.map((channels, level) => ({ channels, attention: attentionLevels[level] }));
  const down = levels.flatMap(({ channels, attention }, level) =>
    attention
      ? range(layersPerBlock).flatMap((i) =>
          transformer(`down_blocks.${level}.attentions.${i}`, channels, shape),
        )
      : [],
  );
  const middle = transformer('mid_block.attentions.0', blockOutChannels[blockOutChannels.length - 1], shape);
  const up = levels
    .toReversed()
    .flatMap(({ channels, attention }, level) =>
      attention
        ? range(layersPerBlock + 1).flatMap((i) =>
            transformer(`up_blocks.${level}.attentions.${i}`, channels, shape),
          )
        : [],
    );
  return [...down, ...middle, ...up];
}

/** The text encoder's targets in the order of the model (SD 1.5: 72). */
export function textTargets({ text: { layers, hidden, intermediate } }: LoraShape): LoraTarget[] {
  return range(layers).flatMap((layer) => {
    const linear = (path: string, inFeatures: number, outFeatures: number): LoraTarget =>
      target('text', `text_model.encoder.layers.${layer}.${path}`, inFeatures, outFeatures);
    return [
      ...['k', 'v', 'q', 'out'].map((which) => linear(`self_attn.${which}_proj`, hidden, hidden)),
      linear('mlp.fc1', hidden, intermediate),
      linear('mlp.fc2', intermediate, hidden),
    ];
  });
}

function transformer(path: string, channels: number, shape: LoraShape): LoraTarget[] {
  const layer = (name: string, inFeatures: number, outFeatures: number, conv = false): LoraTarget =>
    target('unet', `${path}.${name}`, inFeatures, outFeatures, conv);
  const attention = (block: string, contextWidth: number) => [
    layer(`${block}.to_q`, channels, channels),
    layer(`${block}.to_k`, contextWidth, channels),
    layer(`${block}.to_v`, contextWidth, channels),
    layer(`${block}.to_out.0`, channels, channels),
  ];
  const blocks = range(shape.transformerDepth).flatMap((i) => [
    ...attention(`transformer_blocks.${i}.attn1`, channels),
    layer(`transformer_blocks.${i}.ff.net.0.proj`, channels, 8 * channels), // GEGLU: value and gate
    layer(`transformer_blocks.${i}.ff.net.2`, 4 * channels, channels),
    ...attention(`transformer_blocks.${i}.attn2`, shape.crossAttentionDim),
  ]);
  return [layer('proj_in', channels, channels, true), ...blocks, layer('proj_out', channels, channels, true)];
}

function target(
  part: 'unet' | 'text',
  path: string,
  inFeatures: number,
  outFeatures: number,
  conv = false,
): LoraTarget {
  return { name: kohyaName(part, path), path, part, conv, inFeatures, outFeatures };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
