/** The table of families with what they compute: a row for every `trained` one of `formats/families/families.ts`. */
import type { TrainedFamily } from '../formats/families/families';
import type { Family } from './family';
import { sd1 } from './sd1/family';
import { sdxl } from './sdxl/family';

export const families: Readonly<Record<TrainedFamily, Family>> = { sd1, sdxl };
