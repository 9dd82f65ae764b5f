/**
 * The table of families, by the name that a run's plan and the code know them by: what is known of their files. A row in
 * `plain.ts` makes the compiler ask for the rows here and in `models/families.ts`.
 */
import type { FamilyFacts } from './family_facts';
import type { FamilyName } from './plain';
import { sd1Facts } from './sd1';
import { sd2Facts } from './sd2';
import { sdxlFacts } from './sdxl';

export type { FamilyName };

export const familyFacts: Readonly<Record<FamilyName, FamilyFacts>> = {
  sd1: sd1Facts,
  sd2: sd2Facts,
  sdxl: sdxlFacts,
};

/** The facts of all families, in the order in which a file is tried for them. */
export const everyFamily: readonly FamilyFacts[] = Object.values(familyFacts);
