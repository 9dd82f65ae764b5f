/**
 * The table of families, by the name that a run's plan and the code know them by: what is known of their files. A name
 * among `trained` makes the compiler ask for the row in `models/families.ts`.
 */
import type { FamilyFacts } from './family_facts';
import { sd1Facts } from './sd1';
import { sdxlFacts } from './sdxl';

export const familyFacts = { sd1: sd1Facts, sdxl: sdxlFacts } as const satisfies Readonly<
  Record<string, FamilyFacts>
>;

export type FamilyName = keyof typeof familyFacts;

/** Those that can be trained on; of the others only files are read and made. */
const trained = ['sd1', 'sdxl'] as const satisfies readonly FamilyName[];
export type TrainedFamily = (typeof trained)[number];

export function isTrained(name: FamilyName): name is TrainedFamily {
  return (trained as readonly FamilyName[]).includes(name);
}

/** The facts of all families, in the order in which a file is tried for them. */
export const everyFamily: readonly FamilyFacts[] = Object.values(familyFacts);
