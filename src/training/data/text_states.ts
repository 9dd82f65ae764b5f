/** What the U-Net is told of one text, on the host. */
export interface TextStates {
  /** [chunks * 75 + 2, contextChannels] */
  readonly context: Float32Array;
  /** [projection], in families that pool the text. */
  readonly pooled?: Float32Array;
}

/** One after the other. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
