/**
 * What a checkpoint says of how it was trained: by tensors that are there for nothing else, by Stability's model
 * specification, and by the configuration of a diffusers scheduler. Nothing is guessed from a file's name. Sources: ComfyUI
 * `supported_models.py` (`v_pred`, `ztsnr`), Stability-AI/ModelSpec, diffusers' `scheduler_config.json`.
 */
import type { Lineage, ModelMarks } from '../families/family_facts';
import { parseBoundedJson } from '../text/bounded_json';

/** Of one file: its tensors' names, and its metadata. */
export function marksOf({
  tensors,
  metadata,
}: {
  readonly tensors: { has(name: string): boolean };
  readonly metadata: Readonly<Record<string, string>>;
}): ModelMarks {
  const said = metadata['modelspec.prediction_type'];
  // The tensors are what other programs go by, so they count for more.
  const prediction = tensors.has('v_pred') ? 'v' : said === 'v' || said === 'epsilon' ? said : undefined;
  const lineage = lineageIn(metadata);
  return {
    ...(prediction ? { prediction } : {}),
    ...(tensors.has('ztsnr') ? { zeroTerminalSnr: true } : {}),
    ...(lineage ? { lineage } : {}),
  };
}

/** Of `scheduler/scheduler_config.json` in a diffusers folder; nothing where it is no such text. */
export function marksOfScheduler(text: string): ModelMarks {
  let read: unknown;
  try {
    read = parseBoundedJson(text, { values: 1000, depth: 10 });
  } catch {
    return {};
  }
  if (typeof read !== 'object' || read === null) return {};
  const said = Object.fromEntries(Object.entries(read));
  const type = said['prediction_type'];
  return {
    ...(type === 'v_prediction' ? { prediction: 'v' } : type === 'epsilon' ? { prediction: 'epsilon' } : {}),
    ...(said['rescale_betas_zero_snr'] === true ? { zeroTerminalSnr: true } : {}),
  };
}

/** What the files of one model say together; the first that says something counts. */
export function marksTogether(all: readonly ModelMarks[]): ModelMarks {
  return all.reduceRight<ModelMarks>((later, earlier) => ({ ...later, ...earlier }), {});
}

/** A model names itself, or what it was merged from; NoobAI was trained from Illustrious, and says more. */
const LINES: readonly (readonly [Lineage, RegExp])[] = [
  ['noobai', /\bnoob(ai)?/i],
  ['illustrious', /\billustrious/i],
  ['pony', /\bpony/i],
];

function lineageIn(metadata: Readonly<Record<string, string>>): Lineage | undefined {
  for (const key of ['modelspec.title', 'modelspec.merged_from', 'modelspec.description']) {
    const text = (metadata[key] ?? '').slice(0, 2000);
    const found = LINES.filter(([, pattern]) => pattern.test(text));
    if (found.length === 0) continue;
    const [[line, pattern]] = found;
    // A merge of several says of none that its settings fit, but for NoobAI, which names its own origin.
    const others = found.filter(([each]) => each !== line && !(line === 'noobai' && each === 'illustrious'));
    return others.length === 0 && pattern ? line : undefined;
  }
  return undefined;
}
