/**
 * CLIP's text part as an ONNX session: sentences to embeddings. Takes int32 or int64 ids, a fixed or free batch and
 * length, with or without an attention mask.
 */
import type { InferenceSession } from 'onnxruntime-web';
import { chunks, type Tokenizer } from '../formats/captions/tokenizer';
import { guarded, inBatches, rows } from './batches';
import type { Embedding } from './embedding';
import { CaptionerError, reasonOf } from './error';
import {
  fastest,
  isMemory,
  numbersOf,
  openSession,
  outOfMemory,
  tensorOf,
  type ModelBytes,
  type Runtime,
} from './runtime';
import { demandRole, embeddingOutput, signatureOf, type Signature, type Value } from './signature';

export interface TextTower {
  readonly dimensions: number;
  /** Any number of sentences; `onDone` is told how many are through. Tokens past the 75th are not seen. */
  embed(texts: readonly string[], onDone?: (done: number) => void): Promise<Embedding[]>;
  close(): Promise<void>;
}

/** Rejects with CaptionerError. */
export async function openText(runtime: Runtime, file: ModelBytes, tokenizer: Tokenizer): Promise<TextTower> {
  const cpu = await openSession(runtime, file, 'The text model');
  const signature = signatureOf(cpu);
  demandRole(signature, 'text');
  const output = embeddingOutput(signature, 'text_embeds');
  const [fixedBatch, fixedLength] = named(signature, 'input_ids').shape;
  const read = async (session: InferenceSession, prompts: readonly (readonly number[])[]) => {
    const results = await session.run(textFeeds(runtime, signature, prompts, tokenizer, fixedLength));
    return numbersOf(results[output.name]);
  };
  const tokens = (text: string) => chunks(tokenizer.encode(text), 75, tokenizer)[0];
  const example = Array.from({ length: fixedBatch ?? 2 }, () => tokens('a photo of a cat'));
  const numbers = await read(cpu, example).catch((error: unknown) => {
    if (isMemory(error)) throw outOfMemory('the text model', error);
    if (/out of data bounds|out of bounds|indices element/i.test(String(error))) {
      throw new CaptionerError(
        'other-words',
        `This text model does not know CLIP's ${tokenizer.vocabSize} tokens (${reasonOf(error)}). Choose a CLIP in English.`,
        error,
      );
    }
    throw error;
  });
  const dimensions = numbers.length / example.length;
  const { session } = await fastest(runtime, file, cpu, (each) => read(each, example));
  return {
    dimensions,
    close: () => session.release(),
    async embed(texts, onDone) {
      const all = texts.map(tokens);
      // Alike lengths together, so that little of a batch is padding.
      const order = all.map((_, i) => i).sort((a, b) => contentOf(all[a]) - contentOf(all[b]));
      const out = new Array<Embedding>(texts.length);
      let done = 0;
      const sorted = await inBatches(order, fixedBatch, async (part) => {
        const prompts = part.map((i) => all[i]);
        const made = rows(await guarded('these words', () => read(session, prompts)), dimensions);
        done = Math.min(texts.length, done + part.length);
        onDone?.(done);
        return made;
      });
      order.forEach((i, at) => (out[i] = sorted[at]));
      return out;
    },
  };

  /** Tokens up to and with the first end token. */
  function contentOf(row: readonly number[]): number {
    return row.indexOf(tokenizer.eos, 1) + 1;
  }
}

/**
 * The inputs for prompts of 77 tokens each. Where the length is free it is cut behind the longest: what follows the
 * end token is not seen, for CLIP's text tower looks backwards only.
 */
export function textFeeds(
  runtime: Runtime,
  { inputs }: Signature,
  prompts: readonly (readonly number[])[],
  { eos }: Tokenizer,
  fixedLength: number | undefined,
): InferenceSession.FeedsType {
  const ends = prompts.map((row) => row.indexOf(eos, 1) + 1);
  const length = fixedLength ?? Math.max(...ends);
  const dims = [prompts.length, length];
  const ids = prompts.flatMap((row) => {
    // A model that reads less than the prompt still needs an end.
    const cut = row.length > length ? [...row.slice(0, length - 1), eos] : row;
    return [...cut, ...Array.from({ length: length - cut.length }, () => eos)];
  });
  const mask = ends.flatMap((end) => Array.from({ length }, (_, i) => (i < end ? 1 : 0)));
  const feeds: Record<string, ReturnType<typeof tensorOf>> = {};
  for (const { name, type } of inputs) {
    if (name === 'input_ids') feeds[name] = tensorOf(runtime, type, ids, dims);
    else if (name === 'attention_mask') feeds[name] = tensorOf(runtime, type, mask, dims);
    else {
      throw new CaptionerError(
        'unknown-model',
        `This text model also asks for ${name}, which CLIP's do not. Choose another export.`,
      );
    }
  }
  return feeds;
}

function named({ inputs }: Signature, name: string): Value {
  const found = inputs.find((input) => input.name === name);
  if (!found) throw new CaptionerError('unknown-model', `The text model has no input ${name}.`);
  return found;
}
