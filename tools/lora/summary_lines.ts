/** A LoRA's summary in lines for a terminal. */
import { oneLine, saidIn } from '../../src/formats/merging/said';
import type { LoraSummary } from '../../src/protocol/lora_tools';

const WIDTH = 40;
const TAGS = 40;
export function summaryLines(summary: LoraSummary, metadata: Readonly<Record<string, string>>): string[] {
  const { modules, blocks, ranks, alphas, norm, setAside, tags } = summary;
  const range = ({ least, most }: { least: number; most: number }) =>
    least === most ? figure(most) : `${figure(least)} to ${figure(most)}`;
  const most = Math.max(...blocks.map((each) => each.norm));
  const said = saidIn(metadata).map(({ label, value }) => `${label.en}: ${value}`);
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
