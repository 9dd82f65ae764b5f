/**
 * CLIP's text encoder: token ids -> hidden states, and a pooled vector where it has a projection. Radford et al. 2021,
 * Cherti et al. 2022 (OpenCLIP); transformers' CLIPTextModel and CLIPTextModelWithProjection.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { attention } from '../kernels/attention/attention';
import { embed } from '../kernels/embedding/embedding';
import { gatherRows, reshaped } from '../kernels/layout/layout';
import { addEmbedding, gelu, quickGelu } from '../kernels/pointwise/pointwise';
import { range, type TextConfig } from './config';
import { dense, denseOfSame, norm, residualNorm, type Model } from './layers';

/**
 * Token ids int32 [B, 77] -> [B, 77, hidden]: the output of layer `layers + 1 - clipSkip`, through the final norm.
 * `clipSkip` 1 is the last layer.
 */
export function textEncoder(m: Model, config: TextConfig, ids: Tensor, clipSkip = 1): Tensor {
  return finalNorm(m, innerStates(m, config, ids, clipSkip));
}

/** The same without the final norm. */
export function innerStates(m: Model, config: TextConfig, ids: Tensor, clipSkip: number): Tensor {
  let h = addEmbedding(
    embed(ids, m.weights.matrix('text_model.embeddings.token_embedding.weight').data, config.hidden),
    m.weights.vector('text_model.embeddings.position_embedding.weight'),
  );
  for (const i of range(config.layers + 1 - clipSkip)) h = textLayer(m, config, i, h);
  return h;
}

/**
 * From the output of the last layer but one, [B, 77, hidden], the pooled vector [B', projection]: the last layer, the final
 * norm, of it the rows `ends` int32 [B'] of all B * 77, projected.
 */
export function pooledText(m: Model, config: TextConfig, inner: Tensor, ends: Tensor): Tensor {
  const last = finalNorm(m, textLayer(m, config, config.layers - 1, inner));
  return dense(
    m,
    'text_projection',
    gatherRows(reshaped(last, [last.size / config.hidden, config.hidden]), ends),
  );
}

/**
 * Prompts of up to `chunks` x 75 tokens, as kohya's trainer encodes them: ids [B * chunks, 77], every chunk with its own
 * BOS and EOS; of the hidden states, the first BOS, all inner tokens and the last EOS are kept:
 * [B, chunks * 75 + 2, hidden]. `rows` is `promptRows(B, chunks)` on the GPU; unused for one chunk.
 */
export function encodeChunks(
  m: Model,
  config: TextConfig,
  ids: Tensor,
  chunks: number,
  clipSkip: number,
  rows: Tensor | undefined,
): Tensor {
  return joinChunks(textEncoder(m, config, ids, clipSkip), config, chunks, rows);
}

/** States [B * chunks, 77, hidden] -> [B, chunks * 75 + 2, hidden], as `encodeChunks` says. */
export function joinChunks(
  states: Tensor,
  config: TextConfig,
  chunks: number,
  rows: Tensor | undefined,
): Tensor {
  if (chunks === 1 || !rows) return states;
  const B = (states.shape[0] ?? 1) / chunks;
  const flat = reshaped(states, [B * chunks * config.positions, config.hidden]);
  return reshaped(gatherRows(flat, rows), [B, chunks * (config.positions - 2) + 2, config.hidden]);
}

/** Names and shapes (torch order) of all parameters, in the order of transformers' modules: a LoRA's parameters lie in it. */
export function textShapes(config: TextConfig): Map<string, number[]> {
  const { hidden, intermediate } = config;
  const shapes = new Map<string, number[]>();
  const affine = (path: string, ...weight: number[]) => {
    shapes.set(`${path}.weight`, weight);
    shapes.set(`${path}.bias`, [weight[0] ?? 0]);
  };
  shapes.set('text_model.embeddings.token_embedding.weight', [config.vocabulary, hidden]);
  shapes.set('text_model.embeddings.position_embedding.weight', [config.positions, hidden]);
  for (const i of range(config.layers)) {
    const layer = `text_model.encoder.layers.${i}`;
    affine(`${layer}.layer_norm1`, hidden);
    affine(`${layer}.layer_norm2`, hidden);
    for (const name of ['k_proj', 'v_proj', 'q_proj', 'out_proj'])
      affine(`${layer}.self_attn.${name}`, hidden, hidden);
    affine(`${layer}.mlp.fc1`, intermediate, hidden);
    affine(`${layer}.mlp.fc2`, hidden, intermediate);
  }
  affine('text_model.final_layer_norm', hidden);
  if (config.projection > 0) shapes.set('text_projection.weight', [config.projection, hidden]);
  return shapes;
}

function textLayer(m: Model, { heads, activation }: TextConfig, index: number, x: Tensor): Tensor {
  const path = `text_model.encoder.layers.${index}`;
  const first = residualNorm(m, `${path}.layer_norm1`, x);
  const [q, k, v] = denseOfSame(
    m,
    ['q_proj', 'k_proj', 'v_proj'].map((one) => `${path}.self_attn.${one}`),
    first.normed,
  );
  const attended = attention(q, k, v, { heads, causal: true });
  const second = residualNorm(
    m,
    `${path}.layer_norm2`,
    dense(m, `${path}.self_attn.out_proj`, attended, { add: first.residual }),
  );
  const wide = dense(m, `${path}.mlp.fc1`, second.normed);
  return dense(m, `${path}.mlp.fc2`, activation === 'gelu' ? gelu(wide) : quickGelu(wide), {
    add: second.residual,
  });
}

function finalNorm(m: Model, h: Tensor): Tensor {
  return norm(m, 'text_model.final_layer_norm', h);
}

/** Ids of whole chunks as OpenCLIP's tokenizer pads: with 0 behind the first end token, which is the last of the vocabulary. */
export function paddedWithZero(
  ids: Int32Array,
  { positions, vocabulary }: Pick<TextConfig, 'positions' | 'vocabulary'>,
): Int32Array {
  const padded = ids.slice();
  for (let start = 0; start < padded.length; start += positions) {
    const end = padded.indexOf(vocabulary - 1, start);
    if (end >= 0) padded.fill(0, end + 1, start + positions);
  }
  return padded;
}

/** Disposes intermediates as it goes; for encoding outside a tape. */
export const encodeText = (m: Model, config: TextConfig, ids: Tensor, clipSkip = 1): Tensor =>
  tf.tidy(() => textEncoder(m, config, ids, clipSkip));
