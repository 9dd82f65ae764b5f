/** CLIP as a captioning model: a picture is an embedding, and the vocabulary's phrases are scored by their similarity to it. */
import type { Tokenizer } from '../formats/captions/tokenizer';
import type { CaptionModel, OpenEvent } from '../protocol/captioner';
import type { EmbeddingCache } from './cache';
import { openClip } from './clip_model';
import { meanDirection, type Embedding } from './embedding';
import type { ModelFile } from './model_file';
import { Phrases } from './phrases';
import { clipTensors } from './preprocess';
import { rank, usualOf, type EmbeddedSlot } from './rank';
import type { Runtime } from './runtime';
import type { CaptioningModel } from './captioning_model';
import { withTerms, type Vocabulary } from './vocabulary';

/** What the public CLIPs ended their training with; a file may say another. */
const usualLogitScale = 100;
/** Counted up when preprocess.ts or the crops change. */
const preprocessing = 1;

export async function openClipCaptioning(
  runtime: Runtime,
  { key }: CaptionModel,
  files: { readonly vision: ModelFile; readonly text: ModelFile },
  vocabulary: Vocabulary,
  tokenizer: Tokenizer,
  cache: EmbeddingCache | undefined,
  onEvent: (event: OpenEvent) => void,
): Promise<CaptioningModel> {
  const { vision, text } = await openClip(runtime, files, tokenizer);
  const told = Number(files.vision.metadata.get('logit_scale'));
  const logitScale = told >= 1 && told <= 1000 ? told : usualLogitScale;
  const phrases = new Phrases(text);
  await phrases.learn(vocabulary.slots, key, cache, (done, total) =>
    onEvent({ kind: 'phrases', done, total }),
  );
  return {
    facts: {
      kind: 'clip',
      provider: vision.provider,
      threads: runtime.threads,
      side: vision.side,
      dimensions: vision.dimensions,
      slots: vocabulary.slots.map((slot) => ({ name: slot.name, phrases: slot.phrases.length })),
      template: vocabulary.template,
    },
    template: vocabulary.template,
    tokenizer,
    version: `clip ${preprocessing}`,
    fits: (encoded) => encoded.length === vision.dimensions,
    async encodeImage(pixels) {
      return meanDirection(await vision.embed(clipTensors(pixels, vision.side)));
    },
    async scorerFor({ terms }) {
      const slots = vocabulary.slots.map((slot) => withTerms(slot, terms[slot.name] ?? []));
      const embedded: EmbeddedSlot[] = [];
      for (const slot of slots) embedded.push({ slot, embeddings: await phrases.of(slot) });
      return {
        slots,
        against(set) {
          const measured = embedded.map((each) => measuredAgainst(each, set));
          return (encoded) => rank(encoded, measured, logitScale);
        },
      };
    },
    async encodeText(words) {
      const [embedding] = await text.embed([words]);
      return embedding;
    },
    async close() {
      await vision.close();
      await text.close();
    },
  };
}

function measuredAgainst(each: EmbeddedSlot, set: readonly Embedding[]): EmbeddedSlot {
  const usual = each.slot.kind === 'multi' ? usualOf(set, each.embeddings) : undefined;
  return usual ? { ...each, usual } : each;
}
