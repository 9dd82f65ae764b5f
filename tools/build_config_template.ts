// Writes configs/lora_default.yaml and docs/settings.md from the list of fields. Run `npx tsx tools/build_config_template.ts` after
// changing src/formats/config/config_fields.ts; a unit test compares the committed files with what this writes.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configReference, configTemplate } from '../src/formats/config/config_format';

for (const [path, text] of [
  ['../configs/lora_default.yaml', configTemplate()],
  ['../docs/settings.md', configReference()],
] as const) {
  writeFileSync(fileURLToPath(new URL(path, import.meta.url)), text);
}
