/** For tests of base models: a model as the files of the folder that diffusers makes of it, and two plans compared. */
import { expect } from 'vitest';
import { fromBytes, type ByteSource } from '../formats/safetensors/byte_source';
import { f32ToF16, toHalves } from '../formats/safetensors/halves';
import { writeSafetensors } from '../formats/safetensors/safetensors_write';
import type { DescribedModel } from './described.testing';
import { hashedWeights } from './hashed_weights.testing';
import type { BaseModelPlan } from './step/base_model';
import { bytesOf, shapeOf, turned } from './step/located';

/** Every tensor of every part has the same shape and the same halves; how many were compared. */
export async function expectSameModel(
  described: DescribedModel,
  single: BaseModelPlan,
  folder: BaseModelPlan,
): Promise<number> {
  expect([folder.unet, folder.vae, folder.text1, folder.text2]).toEqual([
    single.unet,
    single.vae,
    single.text1,
    single.text2,
  ]);
  let compared = 0;
  for (const part of single.family.parts) {
    const names = [...single.family.shapes(single, part).keys()];
    expect(Object.keys(described.folder[part] ?? {}).sort()).toEqual(names.sort());
    for (const name of names) {
      const [one, other] = [await valuesOf(single, part, name), await valuesOf(folder, part, name)];
      expect(other.shape, `${part} ${name}`).toEqual(one.shape);
      expect(Buffer.compare(other.bytes, one.bytes), `${part} ${name}`).toBe(0);
      compared++;
    }
  }
  return compared;
}

async function valuesOf({ tensors }: BaseModelPlan, part: keyof BaseModelPlan['tensors'], name: string) {
  const at = tensors[part].get(name);
  if (!at) throw new Error(`${part} has no ${name}.`);
  const { bits } = toHalves(await bytesOf(at), 'F16');
  const shape = shapeOf(at);
  return {
    shape: shape.filter((n, i) => i < 2 || n > 1),
    bytes: Buffer.from(turned(bits, at).slice().buffer),
  };
}

/** The model's tensors as the four files of a diffusers folder, cut and turned as diffusers' converters do. */
export function savedByDiffusers({ tensors, folder }: DescribedModel): ByteSource[] {
  return Object.values(folder).map((part) =>
    fromBytes(
      writeSafetensors(
        Object.entries(part).map(([name, { from, rows, transposed }]) => {
          const [all = 0, ...rest] = tensors[from] ?? [];
          const width = rest.reduce((product, n) => product * n, 1);
          const [index, of] = rows ?? [0, 1];
          const values = hashedWeights(from, [all, ...rest]);
          const own = values.subarray((index * all * width) / of, ((index + 1) * all * width) / of);
          const turned = transposed
            ? own.map((_, i) => own[(i % all) * width + Math.floor(i / all)] ?? NaN)
            : own;
          // A VAE's attention is stored as convolutions in a single file, as matrices in a folder.
          const shape =
            /attentions\.0\.to_/.test(name) && rest[1] === 1 ? [all, rest[0] ?? 0] : [all / of, ...rest];
          return {
            name,
            dtype: 'F16' as const,
            shape: transposed ? shape.toReversed() : shape,
            data: new Uint8Array(f32ToF16(turned).buffer),
          };
        }),
      ),
    ),
  );
}
