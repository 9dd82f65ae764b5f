/**
 * Names and shapes (torch order) of all parameters of a U-Net, for checking checkpoints, predicting memory and finding
 * what a LoRA adapts. Their order is that of sd-scripts' modules: a LoRA's parameters lie in it, in files and in states.
 */
import { range, type UnetConfig } from './config';

export function unetShapes(config: UnetConfig): Map<string, number[]> {
  const { blockChannels: channels, layersPerBlock, timeChannels, contextChannels: ctx, depths } = config;
  const levels = channels.length;
  const shapes = new Map<string, number[]>();
  const at = (i: number) => channels[i] ?? 0;
  const affine = (path: string, ...weight: number[]) => {
    shapes.set(`${path}.weight`, weight);
    shapes.set(`${path}.bias`, [weight[0] ?? 0]);
  };
  const addResnet = (path: string, cin: number, cout: number) => {
    affine(`${path}.norm1`, cin);
    affine(`${path}.conv1`, cout, cin, 3, 3);
    affine(`${path}.time_emb_proj`, cout, timeChannels);
    affine(`${path}.norm2`, cout);
    affine(`${path}.conv2`, cout, cout, 3, 3);
    if (cin !== cout) affine(`${path}.conv_shortcut`, cout, cin, 1, 1);
  };
  const addTransformer = (path: string, c: number, depth: number) => {
    const projection = config.linearProjection ? [c, c] : [c, c, 1, 1];
    if (depth > 0) affine(`${path}.norm`, c);
    if (depth > 0) affine(`${path}.proj_in`, ...projection);
    for (const k of range(depth)) addBlock(`${path}.transformer_blocks.${k}`, c);
    if (depth > 0) affine(`${path}.proj_out`, ...projection);
  };
  const addBlock = (block: string, c: number) => {
    for (const i of [1, 2, 3]) affine(`${block}.norm${i}`, c);
    addAttention(`${block}.attn1`, c, c);
    affine(`${block}.ff.net.0.proj`, 8 * c, c); // GEGLU: value and gate
    affine(`${block}.ff.net.2`, c, 4 * c);
    addAttention(`${block}.attn2`, c, ctx);
  };
  const addAttention = (path: string, c: number, from: number) => {
    shapes.set(`${path}.to_q.weight`, [c, c]);
    shapes.set(`${path}.to_k.weight`, [c, from]);
    shapes.set(`${path}.to_v.weight`, [c, from]);
    affine(`${path}.to_out.0`, c, c);
  };

  affine('conv_in', at(0), config.inChannels, 3, 3);
  affine('time_embedding.linear_1', timeChannels, at(0));
  affine('time_embedding.linear_2', timeChannels, timeChannels);
  if (config.addChannels > 0) {
    affine('add_embedding.linear_1', timeChannels, config.addChannels);
    affine('add_embedding.linear_2', timeChannels, timeChannels);
  }
  const skips = [at(0)];
  for (const i of range(levels)) {
    for (const j of range(layersPerBlock)) {
      addResnet(`down_blocks.${i}.resnets.${j}`, j === 0 ? at(Math.max(0, i - 1)) : at(i), at(i));
      addTransformer(`down_blocks.${i}.attentions.${j}`, at(i), depths[i] ?? 0);
      skips.push(at(i));
    }
    if (i < levels - 1) {
      affine(`down_blocks.${i}.downsamplers.0.conv`, at(i), at(i), 3, 3);
      skips.push(at(i));
    }
  }
  const bottom = at(levels - 1);
  addResnet('mid_block.resnets.0', bottom, bottom);
  addTransformer('mid_block.attentions.0', bottom, config.middleDepth);
  addResnet('mid_block.resnets.1', bottom, bottom);
  let current = bottom;
  for (const i of range(levels)) {
    const c = at(levels - 1 - i);
    for (const j of range(layersPerBlock + 1)) {
      addResnet(`up_blocks.${i}.resnets.${j}`, current + (skips.pop() ?? 0), c);
      addTransformer(`up_blocks.${i}.attentions.${j}`, c, depths[levels - 1 - i] ?? 0);
      current = c;
    }
    if (i < levels - 1) affine(`up_blocks.${i}.upsamplers.0.conv`, c, c, 3, 3);
  }
  affine('conv_norm_out', at(0));
  affine('conv_out', config.outChannels, at(0), 3, 3);
  return shapes;
}
