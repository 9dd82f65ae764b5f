/** Samples as rows: one for each prompt and seed, in the order of the settings; in it, the pictures by step. */
import type { TrainConfig } from '../../formats/config/config_fields';
import { samplePictures } from '../../formats/captions/sample_prompt';
import { drawsSamples } from '../../formats/config/samples';
import type { SampleView } from '../runs/states';

export interface SampleRow {
  /** Identifies the row. */
  key: string;
  prompt: string;
  seed: number;
  at: ReadonlyMap<number, SampleView>;
}

/** The prompts of the configuration come first and in their order, whether there are pictures of them yet or not. */
export function rowsOf(samples: readonly SampleView[], config: TrainConfig | undefined): SampleRow[] {
  const rows = new Map<string, { prompt: string; seed: number; at: Map<number, SampleView> }>();
  const row = (prompt: string, seed: number) => {
    const key = `${seed} ${prompt}`;
    const known = rows.get(key) ?? { prompt, seed, at: new Map<number, SampleView>() };
    rows.set(key, known);
    return known;
  };
  if (config && drawsSamples(config)) for (const { text, seed } of samplePictures(config)) row(text, seed);
  for (const sample of samples) row(sample.prompt, sample.seed).at.set(sample.step, sample);
  return [...rows].map(([key, rest]) => ({ key, ...rest }));
}
