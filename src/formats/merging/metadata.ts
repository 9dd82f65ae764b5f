// What metadata says of a LoRA whose ranks were changed. Source: sd-scripts' `resize_lora.py` and `merge_lora.py`, which
// write "Dynamic" where layers differ.
import type { LoraModule } from '../lora/kohya_lora';
import { float, pythonStr } from '../lora/python_str';
import { rankOf } from './change';

/** The same, with `ss_network_dim` and `ss_network_alpha` as they are now; hashes of what it was are gone. */
export function changedRanks(
  metadata: Readonly<Record<string, string>>,
  modules: readonly LoraModule[],
): Record<string, string> {
  const kept = Object.entries(metadata).filter(
    ([key]) => !/^sshs_|^modelspec\.hash_sha256$|^lora_adapter_metadata$/.test(key),
  );
  const one = (values: readonly number[], write: (value: number) => string) =>
    values.every((value) => value === values[0]) ? write(values[0]) : 'Dynamic';
  return {
    ss_network_module: 'networks.lora',
    ...Object.fromEntries(kept),
    ss_network_dim: one(modules.map(rankOf), String),
    ss_network_alpha: one(
      modules.map(({ alpha }) => alpha),
      (alpha) => pythonStr(float(alpha)),
    ),
  };
}
