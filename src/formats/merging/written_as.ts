// A LoRA in the notation that is asked for: kohya's, diffusers' `pytorch_lora_weights.safetensors`, or peft's
// `adapter_model.safetensors` with `adapter_config.json`, one folder a part. Paths come from the family's own modules.
// Sources: diffusers' `loaders/lora_base.py`, peft's `LoraConfig` and `utils/save_and_load.py`.
import type { Writing } from '../../protocol/lora_tools';
import { everyFamily, familyFacts, type FamilyName } from '../families/families';
import type { FamilyFacts, LoraNaming } from '../families/family_facts';
import { ADAPTER_CONFIG, ADAPTER_FILE } from '../lora/adapter_config';
import { buildLoraFile, castTensor, type LoraModule, type SavePrecision } from '../lora/kohya_lora';
import { LoraError } from '../lora/lora_error';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';
import { rankOf, strengthOf } from './change';

export const writings: readonly Writing[] = ['kohya', 'diffusers', 'peft'];

/** `path` is relative; undefined where it is one file that whoever asks names. */
export interface WrittenFile {
  readonly path?: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ToWrite {
  /** Of base models that it is for: layers of two families may have one name. */
  readonly family: FamilyName;
  readonly modules: readonly LoraModule[];
  readonly precision: SavePrecision;
  /** The file's own; kept by kohya's and diffusers' notation. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Throws LoraError for a layer that the family does not have, and for values that the precision cannot hold. */
export async function writeAs(writing: Writing, lora: ToWrite): Promise<WrittenFile[]> {
  const placed = lora.modules.map((module) => place(module, lora.family, writing));
  switch (writing) {
    case 'kohya':
      return [{ bytes: await buildLoraFile({ ...lora, modules: placed.map(({ module }) => module) }) }];
    case 'diffusers':
      return [{ bytes: diffusersFile(placed, lora) }];
    case 'peft':
      return peftFolders(placed, lora);
  }
}

interface Placed {
  readonly module: LoraModule;
  readonly naming: LoraNaming;
  /** diffusers' path within its part. */
  readonly path: string;
}

/** With the shapes that the layer's kind asks for: some programs write convolutions flat, kohya's makes some of matrices. */
function place(module: LoraModule, family: FamilyName, writing: Writing): Placed {
  for (const naming of Object.values(familyFacts[family].lora)) {
    const path = naming.pathOfName(module.name);
    if (path === undefined) continue;
    const conv = naming.convolutions.test(path) && (writing === 'kohya' || naming.convolutionsInModel);
    const tail = conv ? [1, 1] : [];
    const shaped = (shape: readonly number[]) => [...shape.slice(0, 2), ...tail];
    const { downShape, upShape } = module;
    const as = { ...module, downShape: shaped(downShape), upShape: shaped(upShape) };
    return { module: as, naming, path };
  }
  throw new LoraError(
    'unknown-module',
    {
      en: `"${module.name}" is no layer that is known here, so it has no name in this notation.`,
      zh: `“${module.name}”不是这里已知的层，在此格式中没有对应的名称。`,
    },
    module.name,
  );
}

/** diffusers takes alpha = rank where the file says none, and so does every program that reads it: alpha is folded into up. */
function diffusersFile(placed: readonly Placed[], { precision, metadata }: ToWrite): Uint8Array<ArrayBuffer> {
  const tensors = placed.flatMap(({ module, naming, path }) =>
    halves(`${naming.folder}.${path}`, folded(module), precision),
  );
  const kept = Object.entries(metadata).filter(([key]) => !/^sshs_|^lora_adapter_metadata$/.test(key));
  return writeSafetensors(tensors, { ...Object.fromEntries(kept), format: 'pt' });
}

function folded(module: LoraModule): LoraModule {
  const strength = strengthOf(module);
  if (strength === 1) return module;
  return { ...module, up: module.up.map((value) => value * strength), alpha: rankOf(module) };
}

function halves(path: string, module: LoraModule, precision: SavePrecision): TensorToWrite[] {
  return [
    castTensor(`${path}.lora_A.weight`, module.down, module.downShape, precision),
    castTensor(`${path}.lora_B.weight`, module.up, module.upShape, precision),
  ];
}

function peftFolders(placed: readonly Placed[], { family, precision }: ToWrite): WrittenFile[] {
  const folders = [...new Set(placed.map(({ naming }) => naming.folder))];
  return folders.flatMap((folder) => {
    const own = placed.filter(({ naming }) => naming.folder === folder);
    // What one pair of numbers says for all is said; else the strength is in the values.
    const [{ module: first }] = own;
    const alike = own.every(
      ({ module }) => rankOf(module) === rankOf(first) && module.alpha === first.alpha && first.alpha > 0,
    );
    const written = own.map(({ module, naming, path }) => ({
      naming,
      module: alike ? module : folded(module),
      path: naming.modelPath(path),
    }));
    const tensors = written.flatMap(({ module, path }) =>
      halves(`base_model.model.${path}`, module, precision),
    );
    const config = `${JSON.stringify(peftConfig(written, alike), null, 2)}\n`;
    return [
      {
        path: `${folder}/${ADAPTER_FILE}`,
        bytes: writeSafetensors(tensors, { format: 'pt', ...kindSaid(familyFacts[family]) }),
      },
      { path: `${folder}/${ADAPTER_CONFIG}`, bytes: new TextEncoder().encode(config) },
    ];
  });
}

/**
 * In a file of peft's nothing else tells one family's first text encoder from another's. Of the family that is taken where
 * nothing tells, nothing is said.
 */
function kindSaid(family: FamilyFacts): Record<string, string> {
  return family === everyFamily[0] ? {} : { 'modelspec.architecture': family.metadata.architecture };
}

function peftConfig(written: readonly Placed[], alike: boolean): object {
  const most = Math.max(...written.map(({ module }) => rankOf(module)));
  const others = written.filter(({ module }) => rankOf(module) !== most);
  const pattern = Object.fromEntries(others.map(({ path, module }) => [path, rankOf(module)]));
  return {
    peft_type: 'LORA',
    task_type: null,
    base_model_name_or_path: null,
    inference_mode: true,
    r: most,
    lora_alpha: alike ? written[0].module.alpha : most,
    rank_pattern: pattern,
    alpha_pattern: pattern,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    target_modules: written.map(({ path }) => path),
  };
}
