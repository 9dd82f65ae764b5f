/**
 * Which words fit a GPU without half precision: a browser under Linux withholds it from NVIDIA cards with older drivers
 * (Dawn's toggle `vulkan_enable_f16_on_nvidia`, crbug.com/42251215), and that can be mended. Pure; sentences in messages.ts.
 */
import type { AdapterFacts } from '../facts';

export type HalfMissing = 'nvidia-linux' | 'other';

/** Undefined where there is half precision, or a renderer on the processor, which has more to be said of it. */
export function whyNoHalf(
  { vendor, adapter, tier, software }: Pick<AdapterFacts, 'vendor' | 'adapter' | 'tier' | 'software'>,
  userAgent: string,
): HalfMissing | undefined {
  if (tier !== 'f32' || software) return undefined;
  const linux = /Linux/.test(userAgent) && !/Android/.test(userAgent);
  // Only browsers made of Chromium run on Dawn and know its switches.
  const dawn = /Chrom(?:e|ium)\//.test(userAgent);
  return linux && dawn && /nvidia/i.test(`${vendor} ${adapter}`) ? 'nvidia-linux' : 'other';
}
