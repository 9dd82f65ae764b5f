/**
 * The table of families, by the name that a run's plan and the code know them by: what is known of their files. A row here
 * makes the compiler ask for the row in `models/families.ts`.
 */
import type { FamilyFacts } from './family_facts';
import { sd1Facts } from './sd1';
import { sdxlFacts } from './sdxl';

export const familyFacts = { sd1: sd1Facts, sdxl: sdxlFacts } as const satisfies Readonly<
  Record<string, FamilyFacts>
>;

export type FamilyName = keyof typeof familyFacts;

/** The facts of all families, in the order in which a file is tried for them. */
export const everyFamily: readonly FamilyFacts[] = Object.values(familyFacts);
