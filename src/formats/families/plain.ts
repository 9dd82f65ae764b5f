/**
 * Of each family what the page needs from its first moment: what it is called, its sizes, what it predicts. The rest of the
 * facts, keys and names above all, come with the workers that read files.
 */
import type { FamilyFacts, Prediction } from './family_facts';

export type PlainFacts = Pick<FamilyFacts, 'title' | 'parts' | 'texts' | 'prediction' | 'resolution'>;

const facts = {
  sd1: {
    title: { en: 'Stable Diffusion 1.x', zh: 'Stable Diffusion 1.x' },
    parts: ['unet', 'text1', 'vae'],
    texts: ['text1'],
    prediction: 'epsilon',
    resolution: { side: 512, bucketStep: 64, multipleOf: 64, longest: 1024 },
  },
  sd2: {
    title: { en: 'Stable Diffusion 2.x', zh: 'Stable Diffusion 2.x' },
    parts: ['unet', 'text1', 'vae'],
    texts: ['text1'],
    prediction: 'either',
    resolution: { side: 512, sideOfV: 768, bucketStep: 64, multipleOf: 64, longest: 1024 },
  },
  sdxl: {
    title: { en: 'SDXL', zh: 'SDXL' },
    parts: ['unet', 'text1', 'text2', 'vae'],
    texts: ['text1', 'text2'],
    prediction: 'epsilon',
    // Two halvings of latents an eighth as wide. At kohya's usual 1024 no bucket of the area of 1024x1024 but the square
    // itself would fit: a wide picture would lose up to half of the area.
    resolution: { side: 1024, bucketStep: 64, multipleOf: 32, longest: 2048 },
  },
} as const satisfies Readonly<Record<string, PlainFacts>>;

export type FamilyName = keyof typeof facts;

export const plainFacts: Readonly<Record<FamilyName, PlainFacts>> = facts;

/** Pixels: the side that a model of the family was made for, by what it predicts where there are both kinds. */
export function sideOf(
  { resolution }: Pick<PlainFacts, 'resolution'>,
  prediction: Prediction | undefined,
): number {
  return prediction === 'v' ? (resolution.sideOfV ?? resolution.side) : resolution.side;
}
