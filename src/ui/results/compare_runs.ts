/** What two runs differ in: their settings, field by field, and how their losses ended. Figures only, no words. */
import { parseConfig } from '../../formats/config/config';
import { fieldList, isFieldName, type FieldName, type TrainConfig } from '../../formats/config/config_fields';
import type { Point } from '../../storage/runs';

type Value = TrainConfig[FieldName];

export interface Difference {
  readonly name: FieldName;
  readonly a: Value;
  readonly b: Value;
}

/** The configuration a run was started with; undefined where this version cannot read it any more. */
export function configOf(yaml: string): TrainConfig | undefined {
  try {
    return parseConfig(yaml);
  } catch {
    return undefined;
  }
}

/** Fields whose values are not the same, in the order of the form. */
export function differences(a: TrainConfig, b: TrainConfig): Difference[] {
  return fieldList.flatMap(({ name }) => {
    if (!isFieldName(name) || same(a[name], b[name])) return [];
    return [{ name, a: a[name], b: b[name] }];
  });
}

function same(a: Value, b: Value): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The mean loss of a run's last tenth: single losses jump too much to compare. Undefined before the first step. */
export function finalLoss(points: readonly Point[]): number | undefined {
  const last = points.slice(-Math.max(1, Math.floor(points.length / 10)));
  return last.length === 0 ? undefined : last.reduce((sum, { loss }) => sum + loss, 0) / last.length;
}
