/** What settings that come from elsewhere would change of the project's. Pure. */
import {
  configFields,
  isFieldName,
  isPlace,
  type FieldName,
  type TrainConfig,
} from '../../formats/config/config_fields';
import { same } from './project_settings';

export interface Difference {
  readonly name: FieldName;
  readonly yours: unknown;
  readonly theirs: unknown;
}

/** In the order of the form; paths never. */
export function differences(yours: TrainConfig, theirs: Readonly<Partial<TrainConfig>>): Difference[] {
  return Object.keys(configFields).flatMap((name) => {
    if (!isFieldName(name) || !Object.hasOwn(theirs, name) || isPlace(configFields[name])) return [];
    return same(yours[name], theirs[name]) ? [] : [{ name, yours: yours[name], theirs: theirs[name] }];
  });
}
