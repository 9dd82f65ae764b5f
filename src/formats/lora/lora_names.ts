// The name of a LoRA's tensor, in whatever notation a program wrote it: which layer, and which half of it. One row a
// notation; which layers there are is the family's to say. Sources: sd-scripts `networks/lora.py`, diffusers'
// `loaders/lora_pipeline.py` and `lora_conversion_utils.py`, peft's `utils/save_and_load.py`, OneTrainer's
// `modules/util/convert_lora_util.py`.
import { everyFamily } from '../families/families';

export interface LoraTensorName {
  /** kohya's name of the layer, whatever the file calls it. */
  readonly layer: string;
  readonly role: 'down' | 'up' | 'alpha';
  readonly naming: 'kohya' | 'diffusers';
  /** Where diffusers' names were used: the part's name and the path within it. */
  readonly path?: string;
}

/** What ends a tensor's name; the first group is the layer's path, the last tells the half. */
const ENDS: readonly { readonly writtenBy: string; readonly pattern: RegExp }[] = [
  { writtenBy: 'peft, and diffusers since 0.22', pattern: /^(.+?)\.lora_([AB])(?:\.default)?\.weight$/ },
  { writtenBy: 'diffusers before', pattern: /^(.+?)\.(?:lora|lora_linear_layer)\.(down|up)\.weight$/ },
  { writtenBy: 'OneTrainer, for itself', pattern: /^(.+?)\.lora_(down|up)\.weight$/ },
  { writtenBy: 'OneTrainer and ComfyUI, beside either', pattern: /^(.+?)\.(alpha)$/ },
];
/** diffusers' first: the processor of an attention, not its layers. */
const PROCESSOR = /^(.+)\.processor\.to_(q|k|v|out)_lora\.(down|up)\.weight$/;

const NAMINGS = everyFamily.flatMap(({ lora }) => Object.values(lora));
const any = (names: readonly string[]) =>
  [...new Set(names)].map((name) => name.replaceAll('.', '\\.')).join('|');
const KOHYA = new RegExp(
  `^((?:${any(NAMINGS.map(({ prefix }) => prefix))})_[^.]+)\\.(?:lora_(down|up)\\.weight|(alpha))$`,
);
const foldersOf = ({ folder, otherFolders }: (typeof NAMINGS)[number]) => [folder, ...otherFolders];
const IN_FOLDER = new RegExp(`^(?:(${any(NAMINGS.flatMap(foldersOf))})\\.(?:base_model\\.model\\.)?)?(.+)$`);

/** Undefined for a name that is no plain LoRA's. */
export function loraTensorName(name: string): LoraTensorName | undefined {
  const kohya = KOHYA.exec(name);
  if (kohya) return { layer: kohya[1], role: roleOf(kohya[2] ?? kohya[3]), naming: 'kohya' };
  const processor = PROCESSOR.exec(name);
  if (processor) {
    const [, block, to, side] = processor;
    return layerAt(`${block}.to_${to === 'out' ? 'out.0' : to}`, roleOf(side));
  }
  for (const { pattern } of ENDS) {
    const found = pattern.exec(name);
    if (found) return layerAt(found[1], roleOf(found[2]));
  }
  return undefined;
}

function roleOf(side: string): LoraTensorName['role'] {
  if (side === 'alpha') return 'alpha';
  return side === 'A' || side === 'down' ? 'down' : 'up';
}

function layerAt(full: string, role: LoraTensorName['role']): LoraTensorName | undefined {
  const path = full.replace(/^base_model\.model\./, '');
  const [, folder, rest] = IN_FOLDER.exec(path) ?? [];
  if (rest === undefined) return undefined;
  for (const naming of NAMINGS) {
    const whole =
      folder === undefined || foldersOf(naming).includes(folder) ? naming.pathOf(rest) : undefined;
    if (whole === undefined) continue;
    return { layer: naming.name(whole), role, naming: 'diffusers', path: `${naming.folder}.${rest}` };
  }
  return undefined;
}
