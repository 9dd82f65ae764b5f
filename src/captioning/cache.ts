/**
 * Where embeddings are kept between visits: by model, then by what they are of. Storage gives the browser's; none is
 * no loss but of time, so neither is one that fails.
 */

export interface EmbeddingCache {
  get(model: string, what: string): Promise<Float32Array | undefined>;
  put(model: string, what: string, numbers: Float32Array): Promise<void>;
}

/** What was kept, if it fits; else made, and kept. */
export async function kept(
  cache: EmbeddingCache | undefined,
  model: string,
  what: string,
  fits: (numbers: Float32Array) => boolean,
  make: () => Promise<Float32Array>,
): Promise<Float32Array> {
  const found = await cache?.get(model, what).catch(() => undefined);
  if (found && fits(found)) return found;
  const made = await make();
  await cache?.put(model, what, made).catch(() => undefined);
  return made;
}
