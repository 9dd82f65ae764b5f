/** A LoRA's summary in lines for a terminal. */
import type { LoraSummary } from '../../src/formats/merging/summary';

const WIDTH = 40;
const TAGS = 40;
/** What is shown of the metadata, and what it is called. */
const SAID: readonly (readonly [string, string])[] = [
  ['modelspec.title', 'title'],
  ['ss_output_name', 'name'],
  ['ss_sd_model_name', 'base model'],
  ['ss_base_model_version', 'kind of base model'],
  ['modelspec.architecture', 'architecture'],
  ['modelspec.trigger_phrase', 'trigger'],
  ['modelspec.merged_from', 'merged from'],
  ['ss_resolution', 'resolution'],
  ['ss_steps', 'steps'],
  ['ss_epoch', 'epochs'],
  ['ss_num_train_images', 'images (with repeats)'],
  ['ss_optimizer', 'optimizer'],
  ['ss_learning_rate', 'learning rate'],
  ['ss_unet_lr', 'learning rate of the U-Net'],
  ['ss_text_encoder_lr', 'learning rate of the text encoder'],
  ['ss_lr_scheduler', 'scheduler'],
  ['ss_network_dim', 'rank by its metadata'],
  ['ss_network_alpha', 'alpha by its metadata'],
  ['ss_training_comment', 'comment'],
  ['sshs_model_hash', 'hash'],
];

export function summaryLines(summary: LoraSummary, metadata: Readonly<Record<string, string>>): string[] {
  const { modules, blocks, ranks, alphas, norm, setAside, tags } = summary;
  const range = ({ least, most }: { least: number; most: number }) =>
    least === most ? figure(most) : `${figure(least)} to ${figure(most)}`;
  const most = Math.max(...blocks.map((each) => each.norm));
  const said = SAID.flatMap(([key, label]) => (metadata[key] ? [`${label}: ${oneLine(metadata[key])}`] : []));
  const dropped = tags.length - TAGS;
  return [
    `layers: ${modules.length}; rank ${range(ranks)}; alpha ${range(alphas)}`,
    ...(setAside.length > 0 ? [`bundled embeddings: ${setAside.join(', ')}`] : []),
    ...said,
    ...(tags.length > 0
      ? [
          `tags: ${tags
            .slice(0, TAGS)
            .map(({ tag, count }) => `${oneLine(tag)} (${count})`)
            .join(', ')}${dropped > 0 ? `, and ${dropped} more` : ''}`,
        ]
      : []),
    `change of the weights, ||alpha / rank * up * down||, in all ${norm.toPrecision(4)}; by block:`,
    ...blocks.map(
      (each) =>
        `  ${each.block.padEnd(6)} ${each.norm.toPrecision(4).padStart(10)}  ${'#'.repeat(most > 0 ? Math.round((WIDTH * each.norm) / most) : 0)}`,
    ),
  ];
}

function figure(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** What a file says must not move the terminal's cursor. */
function oneLine(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').slice(0, 300);
}
