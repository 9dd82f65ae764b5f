// The strength that diffusers writes beside a LoRA of peft's: the adapters' configurations as JSON in the metadata, each key
// after its part's name (`unet.lora_alpha`). Without it diffusers takes alpha = rank. Source: diffusers'
// `loaders/lora_base.py` (LORA_ADAPTER_METADATA_KEY), peft's `LoraConfig` (alpha_pattern, use_rslora).
import { parseStrictJson, JsonNumber, type JsonObject, type JsonValue } from '../safetensors/strict_json';

/**
 * Alpha of one layer, in the sense of scale = alpha / rank; `path` begins with `unet.` or `text_encoder.`. Undefined where
 * the file does not say it, or says something else than a positive number.
 */
export function peftAlpha(
  metadata: Readonly<Record<string, string>>,
  path: string,
  rank: number,
): number | undefined {
  const all = adapters(metadata['lora_adapter_metadata']);
  const [part] = path.split('.', 1);
  const alpha = numberOf(
    ofPattern(all?.get(`${part}.alpha_pattern`), path) ?? all?.get(`${part}.lora_alpha`),
  );
  if (alpha === undefined || !(alpha > 0)) return undefined;
  // rsLoRA divides by the root of the rank.
  return all?.get(`${part}.use_rslora`) === true ? alpha * Math.sqrt(rank) : alpha;
}

/** The same text is asked about for every layer. */
let last: { text: string; read: JsonObject | undefined } | undefined;

function adapters(text: string | undefined): JsonObject | undefined {
  if (text === undefined || text.length > longest) return undefined;
  if (last?.text !== text) last = { text, read: objectIn(text) };
  return last.read;
}

const longest = 1_000_000;

function objectIn(text: string): JsonObject | undefined {
  try {
    const read = parseStrictJson(text);
    return read instanceof Map ? read : undefined;
  } catch {
    return undefined;
  }
}

/** peft's patterns are ends of paths, and the longest is meant. Asked for by each end: a file may have many patterns. */
function ofPattern(patterns: JsonValue | undefined, path: string): JsonValue | undefined {
  if (!(patterns instanceof Map)) return undefined;
  for (let from = 0; from >= 0; from = path.indexOf('.', from) + 1 || -1) {
    const value = patterns.get(path.slice(from));
    if (value !== undefined) return value;
  }
  return undefined;
}

function numberOf(value: JsonValue | undefined): number | undefined {
  const number = value instanceof JsonNumber ? Number(value.text) : undefined;
  return number !== undefined && Number.isFinite(number) ? number : undefined;
}
