// The name of a LoRA's tensor, in whatever notation a program wrote it: which layer, and which half of it. One row a
// notation; which layers there are is the family's to say. Sources: sd-scripts `networks/lora.py`, diffusers'
// `loaders/lora_pipeline.py` and `lora_conversion_utils.py`, peft's `utils/save_and_load.py`, OneTrainer's
// `modules/util/convert_lora_util.py`.
import { familyFacts, type FamilyName } from '../families/families';
import type { LoraNaming } from '../families/family_facts';
import { dottedOf } from '../families/lora_naming';

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

/** How one family's names are read. */
interface Reading {
  readonly namings: readonly LoraNaming[];
  readonly kohya: RegExp;
  readonly inFolder: RegExp;
}

const any = (names: readonly string[]) =>
  [...new Set(names)].map((name) => name.replaceAll('.', '\\.')).join('|');
const foldersOf = ({ folder, otherFolders }: LoraNaming) => [folder, ...otherFolders];
const readings = new Map<FamilyName, Reading>();

function readingOf(family: FamilyName): Reading {
  const known = readings.get(family);
  if (known) return known;
  const namings = Object.values(familyFacts[family].lora);
  const reading = {
    namings,
    kohya: new RegExp(
      `^((?:${any(namings.map(({ prefix }) => prefix))})_[^.]+)\\.(?:lora_(down|up)\\.weight|(alpha))$`,
    ),
    inFolder: new RegExp(`^(?:(${any(namings.flatMap(foldersOf))})\\.(?:base_model\\.model\\.)?)?(.+)$`),
  };
  readings.set(family, reading);
  return reading;
}

/**
 * As a LoRA for that family has it; undefined for a name that is no plain LoRA's. `bareText` is the folder of the text
 * encoder that a path without one is in, where the file's widths tell.
 */
export function loraTensorName(
  name: string,
  family: FamilyName,
  bareText?: string,
): LoraTensorName | undefined {
  const reading = readingOf(family);
  const kohya = reading.kohya.exec(name);
  if (kohya)
    return { layer: kohyaLayer(kohya[1], reading), role: roleOf(kohya[2] ?? kohya[3]), naming: 'kohya' };
  const processor = PROCESSOR.exec(name);
  if (processor) {
    const [, block, to, side] = processor;
    return layerAt(`${block}.to_${to === 'out' ? 'out.0' : to}`, roleOf(side), reading, bareText);
  }
  for (const { pattern } of ENDS) {
    const found = pattern.exec(name);
    if (found) return layerAt(found[1], roleOf(found[2]), reading, bareText);
  }
  return undefined;
}

/** Some programs write diffusers' paths with kohya's prefix where kohya has the checkpoint's own, as for SDXL. */
function kohyaLayer(layer: string, { namings }: Reading): string {
  for (const naming of namings) {
    if (!layer.startsWith(`${naming.prefix}_`) || naming.names.test(layer)) continue;
    const path = naming.pathOf(dottedOf(layer.slice(naming.prefix.length + 1)));
    if (path !== undefined && naming.modules.test(path)) return naming.name(path);
  }
  return layer;
}

function roleOf(side: string): LoraTensorName['role'] {
  if (side === 'alpha') return 'alpha';
  return side === 'A' || side === 'down' ? 'down' : 'up';
}

function layerAt(
  full: string,
  role: LoraTensorName['role'],
  { namings, inFolder }: Reading,
  bareText: string | undefined,
): LoraTensorName | undefined {
  const path = full.replace(/^base_model\.model\./, '');
  const [, folder, rest] = inFolder.exec(path) ?? [];
  if (rest === undefined) return undefined;
  const wanted = folder ?? (/^(text_model\.)?encoder\./.test(rest) ? bareText : undefined);
  for (const naming of namings) {
    const whole =
      wanted === undefined || foldersOf(naming).includes(wanted) ? naming.pathOf(rest) : undefined;
    if (whole === undefined) continue;
    return { layer: naming.name(whole), role, naming: 'diffusers', path: `${naming.folder}.${rest}` };
  }
  return undefined;
}
