/**
 * What a checkpoint is, read from its tensors' names and shapes alone (diffusers names). Head counts leave no trace
 * in shapes: Stable Diffusion 1.x has eight in every U-Net layer, CLIP and the U-Nets of SD 2.x and SDXL have one for 64
 * channels.
 */

export type Shapes = ReadonlyMap<string, readonly number[]>;

export interface UnetConfig {
  inChannels: number;
  outChannels: number;
  /** Channels of each level, from full resolution down. */
  blockChannels: number[];
  layersPerBlock: number;
  /** Transformer blocks in each transformer of a level, 0 where it has none; and in the middle's. */
  depths: number[];
  middleDepth: number;
  /** Attention heads of each level; the middle has the last one's. */
  heads: number[];
  /** Transformers are entered and left by matrices, not by 1x1 convolutions. */
  linearProjection: boolean;
  /** `single`: scores of its attention exceed halves, so operands are not rounded to them. */
  attention: 'half' | 'single';
  contextChannels: number;
  timeChannels: number;
  /** Length of a vector added to the time embedding (SDXL: pooled text and sizes); 0 for none. */
  addChannels: number;
}

export interface VaeConfig {
  blockChannels: number[];
  /** Resnets of an encoder level; a decoder level has one more. */
  layersPerBlock: number;
  latentChannels: number;
  scaling: number;
  /** `single`: its activations overflow in halves. */
  precision: 'half' | 'single';
}

export interface TextConfig {
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  vocabulary: number;
  positions: number;
  activation: 'quickGelu' | 'gelu';
  /** Length of the pooled vector that the last state at the end of the text is projected to; 0 for none. */
  projection: number;
}

/** Tensors that the inferred architecture needs and the checkpoint lacks, or has in another shape. */
export class CheckpointShapeError extends Error {
  override readonly name = 'CheckpointShapeError';
  readonly code = 'shape';
  readonly facts: { readonly found: string };
  constructor(found: string) {
    super(found);
    this.facts = { found };
  }
}

/** What leaves no trace in shapes: as many heads in every level, or as many channels in every head; how attention is computed. */
export type HeadRule = ({ heads: number } | { headSize: number }) & { attention?: UnetConfig['attention'] };

/** Throws `CheckpointShapeError` where tensors that every such U-Net has are missing. */
export function inferUnet(shapes: Shapes, rule: HeadRule): UnetConfig {
  const [first = 0, inChannels = 0] = shapeOf(shapes, 'conv_in.weight', 'U-Net');
  const [outChannels = 0] = shapeOf(shapes, 'conv_out.weight', 'U-Net');
  const [timeChannels = 0] = shapeOf(shapes, 'time_embedding.linear_1.weight', 'U-Net');
  const levels = countIndices(shapes, (i) => `down_blocks.${i}.resnets.0.conv1.weight`);
  const layersPerBlock = countIndices(shapes, (j) => `down_blocks.0.resnets.${j}.conv1.weight`);
  const blockChannels = range(levels).map(
    (i) => shapeOf(shapes, `down_blocks.${i}.resnets.0.conv1.weight`, 'U-Net')[0],
  );
  // At least one where there is a transformer, so that a block that is missing is said.
  const depth = (transformer: string) =>
    shapes.has(`${transformer}.proj_in.weight`)
      ? Math.max(
          1,
          countIndices(shapes, (k) => `${transformer}.transformer_blocks.${k}.attn2.to_k.weight`),
        )
      : 0;
  const middle = 'mid_block.attentions.0';
  const [, contextChannels = 0] = shapeOf(
    shapes,
    `${middle}.transformer_blocks.0.attn2.to_k.weight`,
    'U-Net',
  );
  if (first !== blockChannels[0])
    throw new CheckpointShapeError(`U-Net: conv_in has ${first} channels, level 0 ${blockChannels[0]}.`);
  const [, addChannels = 0] = shapes.get('add_embedding.linear_1.weight') ?? [];
  return {
    inChannels,
    outChannels,
    blockChannels,
    layersPerBlock,
    depths: range(levels).map((i) => depth(`down_blocks.${i}.attentions.0`)),
    middleDepth: depth(middle),
    heads: blockChannels.map((channels) =>
      'heads' in rule ? rule.heads : Math.max(1, Math.floor(channels / rule.headSize)),
    ),
    linearProjection: shapes.get(`${middle}.proj_in.weight`)?.length === 2,
    attention: rule.attention ?? 'half',
    contextChannels,
    timeChannels,
    addChannels,
  };
}

/** Scaling and precision leave no trace in shapes. */
export function inferVae(shapes: Shapes, scaling: number, precision: VaeConfig['precision']): VaeConfig {
  const levels = countIndices(shapes, (i) => `encoder.down_blocks.${i}.resnets.0.conv1.weight`);
  const [latentChannels = 0] = shapeOf(shapes, 'post_quant_conv.weight', 'VAE');
  return {
    blockChannels: range(levels).map(
      (i) => shapeOf(shapes, `encoder.down_blocks.${i}.resnets.0.conv1.weight`, 'VAE')[0],
    ),
    layersPerBlock: countIndices(shapes, (j) => `encoder.down_blocks.0.resnets.${j}.conv1.weight`),
    latentChannels,
    scaling,
    precision,
  };
}

/** Throws `CheckpointShapeError` where VAE and U-Net have other latents. */
export function belongTogether({ vae, unet }: { vae: VaeConfig; unet: UnetConfig }): void {
  if (vae.latentChannels !== unet.inChannels) {
    throw new CheckpointShapeError(
      `The VAE has ${vae.latentChannels} channels and the U-Net takes ${unet.inChannels}: they do not belong together.`,
    );
  }
}

/** The activation leaves no trace in shapes. */
export function inferText(shapes: Shapes, activation: TextConfig['activation'] = 'quickGelu'): TextConfig {
  const [vocabulary = 0, hidden = 0] = shapeOf(
    shapes,
    'text_model.embeddings.token_embedding.weight',
    'text encoder',
  );
  const [positions = 0] = shapeOf(shapes, 'text_model.embeddings.position_embedding.weight', 'text encoder');
  const [intermediate = 0] = shapeOf(shapes, 'text_model.encoder.layers.0.mlp.fc1.weight', 'text encoder');
  return {
    hidden,
    intermediate,
    layers: countIndices(shapes, (i) => `text_model.encoder.layers.${i}.mlp.fc1.weight`),
    heads: Math.max(1, Math.floor(hidden / 64)),
    vocabulary,
    positions,
    activation,
    projection: shapes.get('text_projection.weight')?.[0] ?? 0,
  };
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function shapeOf(shapes: Shapes, name: string, part: string): readonly number[] {
  const shape = shapes.get(name);
  if (!shape) throw new CheckpointShapeError(`${part}: the checkpoint has no tensor "${name}".`);
  return shape;
}

function countIndices(shapes: Shapes, name: (i: number) => string): number {
  let n = 0;
  while (shapes.has(name(n))) n++;
  return n;
}
