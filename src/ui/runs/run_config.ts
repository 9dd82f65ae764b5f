/** A run's configuration, which is kept as YAML. The start screen shows runs, and needs no YAML: loaded when asked for. */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { Run } from '../../storage/runs';

export async function yaml() {
  const [{ parseConfig }, { formatConfig }] = await Promise.all([
    import('../../formats/config/config'),
    import('../../formats/config/config_format'),
  ]);
  return { parseConfig, formatConfig };
}

/** Undefined if a run of an older version has one that is none any more: it can still be looked at. */
export async function configOf({ config }: Run): Promise<TrainConfig | undefined> {
  const { parseConfig } = await yaml();
  try {
    return parseConfig(config);
  } catch {
    return undefined;
  }
}
