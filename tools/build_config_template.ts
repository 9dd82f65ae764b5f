// Writes configs/lora_default.yaml from the list of fields. Run `npx tsx tools/build_config_template.ts` after
// changing src/formats/config_fields.ts; a unit test compares the committed file with what this writes.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configTemplate } from '../src/formats/config_format';

writeFileSync(fileURLToPath(new URL('../configs/lora_default.yaml', import.meta.url)), configTemplate());
