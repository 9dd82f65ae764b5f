/** For tests only: the layers that a LoRA adapts in a made-up model of four transformers and one text layer. */
import { familyFacts } from '../families/families';
import { loraTargets, type LoraTarget } from './lora_targets';

/** `context` is the width of the text that the U-Net attends to. */
export function smallTargets(context = 48): LoraTarget[] {
  return [...smallUnetTargets(context), ...loraTargets(familyFacts.sd1, 'text1', textShapes())];
}

export function smallUnetTargets(context = 48): LoraTarget[] {
  const shapes = [
    ...transformer('down_blocks.0.attentions.0', 32, context),
    ...transformer('mid_block.attentions.0', 64, context),
    ...transformer('up_blocks.1.attentions.0', 32, context),
    ...transformer('up_blocks.1.attentions.1', 32, context),
  ];
  return loraTargets(familyFacts.sd1, 'unet', shapes);
}

function transformer(path: string, c: number, context: number): [string, number[]][] {
  const block = `${path}.transformer_blocks.0`;
  const attention = (name: string, from: number): [string, number[]][] => [
    [`${block}.${name}.to_q.weight`, [c, c]],
    [`${block}.${name}.to_k.weight`, [c, from]],
    [`${block}.${name}.to_v.weight`, [c, from]],
    [`${block}.${name}.to_out.0.weight`, [c, c]],
  ];
  return [
    [`${path}.norm.weight`, [c]],
    [`${path}.proj_in.weight`, [c, c, 1, 1]],
    ...attention('attn1', c),
    [`${block}.ff.net.0.proj.weight`, [8 * c, c]],
    [`${block}.ff.net.2.weight`, [c, 4 * c]],
    ...attention('attn2', context),
    [`${path}.proj_out.weight`, [c, c, 1, 1]],
  ];
}

function textShapes(): [string, number[]][] {
  const layer = 'text_model.encoder.layers.0';
  return [
    ...['k', 'v', 'q', 'out'].map((which): [string, number[]] => [
      `${layer}.self_attn.${which}_proj.weight`,
      [48, 48],
    ]),
    [`${layer}.mlp.fc1.weight`, [96, 48]],
    [`${layer}.mlp.fc2.weight`, [48, 96]],
  ];
}
