/**
 * What a checkpoint is, read from its tensors' names and shapes alone (diffusers names). Head counts leave no trace
 * in shapes: Stable Diffusion 1.x has eight in every U-Net layer, CLIP has one for 64 channels.
 */

export type Shapes = ReadonlyMap<string, readonly number[]>;

export interface UnetConfig {
  inChannels: number;
  outChannels: number;
  /** Channels of each level, from full resolution down. */
  blockChannels: number[];
  layersPerBlock: number;
  /** Which levels have transformers. */
  attention: boolean[];
  contextChannels: number;
  timeChannels: number;
  heads: number;
}

export interface VaeConfig {
  blockChannels: number[];
  /** Resnets of an encoder level; a decoder level has one more. */
  layersPerBlock: number;
  latentChannels: number;
  scaling: number;
}

export interface TextConfig {
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  vocabulary: number;
  positions: number;
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

/** Throws `CheckpointShapeError` if this is not the U-Net of a Stable Diffusion 1.x. */
export function inferUnet(shapes: Shapes): UnetConfig {
  const [first = 0, inChannels = 0] = shapeOf(shapes, 'conv_in.weight', 'U-Net');
  const [outChannels = 0] = shapeOf(shapes, 'conv_out.weight', 'U-Net');
  const [timeChannels = 0] = shapeOf(shapes, 'time_embedding.linear_1.weight', 'U-Net');
  const levels = countIndices(shapes, (i) => `down_blocks.${i}.resnets.0.conv1.weight`);
  const layersPerBlock = countIndices(shapes, (j) => `down_blocks.0.resnets.${j}.conv1.weight`);
  const blockChannels = range(levels).map(
    (i) => shapeOf(shapes, `down_blocks.${i}.resnets.0.conv1.weight`, 'U-Net')[0] as number,
  );
  const attention = range(levels).map((i) => shapes.has(`down_blocks.${i}.attentions.0.proj_in.weight`));
  const [, contextChannels = 0] = shapeOf(
    shapes,
    'mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight',
    'U-Net',
  );
  if (first !== blockChannels[0])
    throw new CheckpointShapeError(`U-Net: conv_in has ${first} channels, level 0 ${blockChannels[0]}.`);
  if (shapes.has('mid_block.attentions.0.transformer_blocks.1.attn1.to_q.weight')) {
    throw new CheckpointShapeError(
      'U-Net: more than one transformer block a layer, as in SDXL; this trainer knows Stable Diffusion 1.x.',
    );
  }
  return {
    inChannels,
    outChannels,
    blockChannels,
    layersPerBlock,
    attention,
    contextChannels,
    timeChannels,
    heads: 8,
  };
}

export function inferVae(shapes: Shapes): VaeConfig {
  const levels = countIndices(shapes, (i) => `encoder.down_blocks.${i}.resnets.0.conv1.weight`);
  const [latentChannels = 0] = shapeOf(shapes, 'post_quant_conv.weight', 'VAE');
  return {
    blockChannels: range(levels).map(
      (i) => shapeOf(shapes, `encoder.down_blocks.${i}.resnets.0.conv1.weight`, 'VAE')[0] as number,
    ),
    layersPerBlock: countIndices(shapes, (j) => `encoder.down_blocks.0.resnets.${j}.conv1.weight`),
    latentChannels,
    scaling: 0.18215,
  };
}

export function inferText(shapes: Shapes): TextConfig {
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
