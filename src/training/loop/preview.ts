/**
 * Pictures drawn while training, always from the same noise, so that they can be compared from step to step.
 */
import { samplePictures } from '../../formats/captions/sample_prompt';
import { checkGpu, forgetErrors, gpu } from '../../kernels/device';
import { trim } from '../../kernels/program';
import type { TrainEvent } from '../../protocol/trainer';
import { captionIds, encodeCaption } from '../data/dataset';
import type { TextStates } from '../data/text_states';
import { told } from './told';
import type { Prepared, TrainingRun } from './prepare';
import { loadParts } from '../step/base_model';
import { decodeLatents, LEAST_TILE, sampleLatents, sampleNoise, toRgba } from '../sampling/sample';
import { textKey, textsOf, type PromptTokens } from '../sampling/sample_texts';

/**
 * Draws every sample prompt with the LoRA as it is now. Yields nothing where there is none. A picture that fails is
 * told and left: the training must not end for it.
 */
export async function* drawSamples(
  run: TrainingRun,
  prepared: Prepared,
  step: number,
): AsyncGenerator<TrainEvent> {
  let drawn = 0;
  for (;;) {
    try {
      for await (const event of draw(run, prepared, step, drawn)) {
        yield event;
        drawn++;
      }
      return;
    } catch (error) {
      // A stop is no failure of the samples; the loop sees it next.
      if (run.signal?.aborted) return;
      const { memory } = prepared;
      const least = !memory.guidedTogether && memory.decodeTile <= LEAST_TILE;
      if (!(await samplesRanOut()) || least) {
        yield { kind: 'sample-failed', step, ...told(error) };
        return;
      }
      // What is trained is none of the buffers that could not be made: one prompt at a time needs half as many, and tiles
      // less than whole pictures.
      memory.guidedTogether = false;
      memory.decodeTile = Math.min(memory.decodeTile, LEAST_TILE);
    }
  }
}

/** Whether the GPU's memory ran out; if so, what failed is disposed and forgotten, and the training can go on. */
async function samplesRanOut(): Promise<boolean> {
  const open = gpu();
  await open.device.queue.onSubmittedWorkDone();
  if (!open.outOfMemory) return false;
  trim();
  await forgetErrors();
  return true;
}

/** The samples from the `first` prompt on. */
async function* draw(
  run: TrainingRun,
  prepared: Prepared,
  step: number,
  first: number,
): AsyncGenerator<TrainEvent> {
  const { config } = run;
  const { base, lora, plan } = prepared;
  if (config.sample_prompts.length === 0) return;
  const { text1 } = base;
  const encode = async (prompt: string, tokens: PromptTokens): Promise<TextStates> => {
    const known = prepared.prompts.get(textKey(prompt, tokens));
    if (known) return known;
    if (!text1) throw new Error(`The prompt "${prompt}" was not encoded.`);
    const ids = captionIds(prepared.tokenizer, prompt, tokens);
    return encodeCaption({ ...base, text1 }, ids, config.clip_skip, lora.drawnWith);
  };
  // What the steps took is given back first: the next one is recorded anew.
  prepared.engine.release();
  const { vae } = await loadParts(plan, ['vae'], {
    vae: 'decoder',
    ...(run.signal ? { signal: run.signal } : {}),
  });
  try {
    for (const [index, picture] of samplePictures(config).entries()) {
      if (index < first) continue;
      const { text, width, height, seed } = picture;
      const { prompt, negative, tokens } = textsOf(prepared.tokenizer, picture);
      const latents = await sampleLatents(
        base,
        lora.drawnWith,
        {
          prompt: await encode(prompt, tokens),
          negative: await encode(negative, tokens),
          width,
          height,
          sampler: config.sample_sampler,
          steps: picture.steps,
          guidance: picture.guidance,
          guidedTogether: prepared.memory.guidedTogether,
          vPrediction: config.v_parameterization,
          zeroTerminalSnr: config.zero_terminal_snr,
          noise: sampleNoise(seed, width, height, base.unet.config.inChannels),
        },
        undefined,
        run.signal,
      );
      const pixels = await decodeLatents(vae, latents, width, height, prepared.memory.decodeTile);
      checkGpu();
      yield { kind: 'sample', step, index, prompt: text, seed, width, height, rgba: toRgba(pixels) };
    }
  } finally {
    vae.weights.dispose();
    trim();
  }
}
