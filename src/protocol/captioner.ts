/**
 * What the page and the captioner worker say to each other. A model is opened, pictures go in, phrases and captions come
 * out one by one. The worker is disposable: a session of onnxruntime cannot be mended in the realm it was lost in, so
 * the page ends the worker and starts another. Big bytes cross as Blobs.
 */

/** What a set is trained for. */
export type Purpose = 'style' | 'character' | 'object';

/** A model to caption with. `key` names it in caches: the digest of its files. */
export type CaptionModel = {
  /** Files that weights lie in, where they are not in the model itself, by name (model.onnx_data). */
  external?: readonly ExternalFile[];
} & (
  | { kind: 'clip'; key: string; vision: Blob; text: Blob; vocabulary: 'general' | 'demo' }
  /** A WD14 v3 tagger: `model.onnx` and `selected_tags.csv`. */
  | { kind: 'tagger'; key: string; model: Blob; tags: Blob }
);

export interface ExternalFile {
  name: string;
  /** Of a CLIP, where both models call theirs the same: whose it is. */
  of?: 'vision' | 'text';
  file: Blob;
}

export interface CaptionModelFacts {
  kind: CaptionModel['kind'];
  /** What runs it, and on how many threads. */
  provider: 'webgpu' | 'wasm';
  threads: number;
  /** Pixels of the square picture it sees. */
  side: number;
  /** Length of its embeddings; none of a tagger. */
  dimensions?: number;
  /** A person may add terms to these, fold their phrases into the trigger word, and write them in a template. */
  slots: { name: string; phrases: number }[];
  /** The template that is used where a person has written none; of a tagger empty. */
  template: string;
}

/** Bytes of the model on their way to memory, then phrases being embedded (the first time with this model only). */
export type OpenEvent = { kind: 'load' | 'phrases'; done: number; total: number };

export interface CaptionImage {
  id: string;
  /** For sentences. */
  name: string;
  /** SHA-256 of the file: what its embedding is kept under. */
  digest: string;
  file: Blob;
}

export interface CaptionOptions {
  purpose: Purpose;
  /** Not written into captions (a run puts it first), but counted among their 75 tokens. */
  trigger: string;
  /** Empty for the model's own. */
  template: string;
  /** A person's own phrases, by slot. */
  terms: Record<string, string[]>;
  /** Phrases that the trigger word is to learn, as `slot\nphrase`. */
  folded: string[];
  /** Slots that are said although the purpose would hide them. */
  shown: string[];
  /** Of a tagger: least probabilities. */
  tagThreshold: number;
  characterThreshold: number;
}

export interface Phrase {
  slot: string;
  phrase: string;
  /** 0 to 1. */
  confidence: number;
}

/** Why a phrase that was found is not said. */
export type HiddenBecause = 'style-of-the-set' | 'constant-trait' | 'folded' | 'not-in-template' | 'too-long';

export interface CaptionProposal {
  /** Of the image. */
  id: string;
  /** Empty if the model is sure of nothing. */
  caption: string;
  said: Phrase[];
  hidden: (Phrase & { why: HiddenBecause })[];
  /** That of the least sure phrase said; undefined where nothing is said. */
  confidence: number | undefined;
  /** Own text in the template was cut to fit 75 tokens. */
  cut: boolean;
}

/** A phrase that over 80 % of the pictures share: to be folded into the trigger word? */
export interface Constant {
  slot: string;
  phrase: string;
  /** Of the set's pictures, 0 to 1. */
  share: number;
}

export type CaptionEvent =
  | { kind: 'proposal'; proposal: CaptionProposal; done: number; total: number }
  /** One picture could not be read; the others go on. */
  | { kind: 'failed'; id: string; problem: CaptionerProblem; sentence: string; done: number; total: number };

/**
 * Why the captioner refuses. It is the `name` of the error that a method rejects with (all of an error that crosses,
 * besides its English sentence), so that a page can say it in its own language.
 */
export const captionerProblems = [
  // the file
  'empty-model',
  'checkpoint-as-model',
  'pickle-as-model',
  'web-page-as-model',
  'pointer-as-model',
  'not-onnx',
  'model-cut-short',
  'external-missing',
  'model-not-loadable',
  // what it computes
  'text-as-vision',
  'vision-as-text',
  'tagger-as-clip',
  'clip-as-tagger',
  'tagger-channels-first',
  'unknown-model',
  'towers-differ',
  'other-words',
  'not-a-tag-list',
  'tags-differ',
  'wrong-numbers',
  // the rest
  'runtime-missing',
  'word-list-missing',
  'out-of-memory',
  'undecodable-picture',
  'bad-template',
  'no-search',
  'no-model-open',
] as const;
export type CaptionerProblem = (typeof captionerProblems)[number];

/** What can be said once all pictures were looked at; proposals are made anew, for constants change them. */
export interface Composed {
  proposals: CaptionProposal[];
  constants: Constant[];
}

/** What the pictures looked at have to do with each other. */
export interface Similarity {
  /** Unlike the rest, strangest first. */
  outliers: string[];
  /** Groups that show nearly the same. */
  nearDuplicates: string[][];
}

/** The captioner worker. It does one thing at a time, in the order asked. */
export interface Captioner {
  /** Checks the model's inputs, outputs and sizes and embeds the vocabulary; rejects with a `CaptionerProblem`. */
  open(model: CaptionModel, onEvent: (event: OpenEvent) => void): Promise<CaptionModelFacts>;
  /** Resolves when all pictures were looked at or `stop` was asked; those looked at stay known. */
  caption(
    images: CaptionImage[],
    options: CaptionOptions,
    onEvent: (event: CaptionEvent) => void,
  ): Promise<Composed>;
  /** The same pictures with other options: needs the model only for terms not seen before. */
  compose(options: CaptionOptions): Promise<Composed>;
  /** Pictures looked at, nearest to the words first. Rejects for a tagger. */
  find(words: string): Promise<{ id: string; cosine: number }[]>;
  similarity(): Promise<Similarity>;
  /** Ends `caption` after the picture under way. */
  stop(): void;
}
