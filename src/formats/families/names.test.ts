/**
 * A family's names against other programs' own code (reference/make_sdxl_names.py, make_sd2_names.py): every tensor of a
 * single file against diffusers' converters, every module of a LoRA with its shapes against sd-scripts' class, at full size.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { mapCheckpoint } from '../checkpoint/checkpoint_kind';
import { loraTensorName } from '../lora/lora_names';
import { targetsInCheckpoint } from '../lora/lora_targets';
import { blockOf } from '../merging/weights';
import { familyFacts, type FamilyName } from './families';
import type { PartName } from './family_facts';

/** part, diffusers' name, the file's name, which third of its rows, whether it is turned */
type TensorRow = [PartName, string, string, number | null, boolean];
/** kohya's name, shapes at rank 4 */
type ModuleRow = [string, number[], number[]];
interface Names {
  tensors: TensorRow[];
  modules: ModuleRow[];
  /** Of the file, and used for nothing. */
  unused?: string[];
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
/** Modules of U-Net and text encoders; of them those that are convolutions in kohya's files; the blocks that they lie in. */
const families: readonly [FamilyName, number[], number, string[]][] = [
  [
    'sdxl',
    [722, 72, 192],
    0,
    [
      ...['down1', 'down2', 'mid', 'up0', 'up1'],
      ...range(12).map((layer) => `te1.${layer}`),
      ...range(32).map((layer) => `te2.${layer}`),
    ],
  ],
  [
    'sd2',
    [192, 138, 0],
    32,
    [...['down0', 'down1', 'down2', 'mid', 'up1', 'up2', 'up3'], ...range(23).map((layer) => `te${layer}`)],
  ],
];

describe.each(families)('%s', (family, counts, convolutions, blocks) => {
  const facts = familyFacts[family];
  const path = `reference/golden/${family}_names.json.gz`;
  const { tensors, modules, unused = [] } = JSON.parse(gunzipSync(readFileSync(path)).toString()) as Names;

  test('every tensor of a single file is what diffusers makes of it', () => {
    const files = [...new Set([...tensors.map(([, , file]) => file), ...unused])];
    const { parts, unknown, ignored } = mapCheckpoint(files, facts);
    expect({ unknown, ignored }).toEqual({ unknown: [], ignored: unused });
    const ours = Object.entries(parts).flatMap(([part, names]) =>
      [...names].map(([name, { key, rows, transposed }]) => [
        part,
        name,
        key,
        rows?.index ?? null,
        transposed === true,
      ]),
    );
    expect(ours.toSorted()).toEqual(tensors.toSorted());
  });

  test('the modules are those of sd-scripts, by name and shape', () => {
    const shapes = new Map(modules.map(([name, down, up]) => [name, [up[0], down[1]] as const]));
    const header = new Map<string, { shape: number[] }>();
    for (const [part, name, file, share, turned] of tensors) {
      if (part === 'vae') continue;
      const naming = facts.lora[part];
      const module = name.replace(/\.(weight|bias)$/, '');
      const [out = 8, inputs = 8] =
        naming && name.endsWith('.weight') ? (shapes.get(naming.name(module)) ?? []) : [];
      header.set(file, { shape: share === null ? [out, inputs] : [3 * out, inputs] });
      if (turned) expect([out, inputs]).toEqual([8, 8]);
    }
    const conv = 'model.diffusion_model.input_blocks.0.0.weight';
    header.set(conv, { shape: [320, 4, 3, 3] });
    const targets = targetsInCheckpoint([header]);
    const ours = targets.map((each) => {
      const tail = each.conv ? [1, 1] : [];
      return [each.name, [4, each.inFeatures, ...tail], [each.outFeatures, 4, ...tail]];
    });
    expect(ours.toSorted()).toEqual(modules.toSorted());
    expect(targets.filter((each) => each.conv)).toHaveLength(convolutions);
    const count = (part: string) => targets.filter((each) => each.part === part).length;
    expect(['unet', 'text1', 'text2'].map(count)).toEqual(counts);
  });

  test('each name leads back to its module, in every notation', () => {
    const namings = Object.values(facts.lora);
    for (const [name] of modules) {
      const of = namings.filter(({ names }) => names.test(name));
      expect(of.length, name).toBe(1);
      const path = of[0].pathOfName(name) ?? '';
      expect(of[0].name(path)).toBe(name);
      const layers = [
        `${name}.lora_down.weight`,
        `${of[0].folder}.${path}.lora_A.weight`,
        `base_model.model.${of[0].folder}.${path}.lora_A.default.weight`,
        `${of[0].folder}.${path}.lora.down.weight`,
        // Diffusers' paths with kohya's prefix.
        `${of[0].prefix}_${path.replaceAll('.', '_')}.lora_down.weight`,
        ...of[0].otherFolders.map((folder) => `${folder}.${path}.lora_down.weight`),
      ].map((each) => loraTensorName(each, family)?.layer);
      expect(new Set(layers), name).toEqual(new Set([name]));
    }
    expect([...new Set(modules.map(([name]) => blockOf(name).block))].toSorted()).toEqual(blocks.toSorted());
  });
});
