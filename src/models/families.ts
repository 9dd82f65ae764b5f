/** The table of families with what they compute: a row for every row of `formats/families/families.ts`. */
import type { FamilyName } from '../formats/families/families';
import type { Family } from './family';
import { sd1 } from './sd1/family';
import { sd2 } from './sd2/family';
import { sdxl } from './sdxl/family';

export const families: Readonly<Record<FamilyName, Family>> = { sd1, sd2, sdxl };
