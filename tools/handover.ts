/**
 * "Take this job elsewhere": `npm run handover -- --config configs/my_lora_config.yaml` packs pictures, captions, settings
 * and the LoRA so far as a job for sd-scripts on another machine (docs/handover.md); `--back FOLDER` reads what came of it.
 * Nothing is trained here.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { streamZip } from '../src/formats/zip/zip_write';
import { optionsOf, runCommand, UsageError } from './command';
import { isFolder, makeFolder, openSource, writeWhole } from './files';
import { FOLDER_USAGE, folderChoices, folderOptions } from './folder_options';
import { handoverBack } from './handover_back';
import { familyFacts, type FamilyName } from '../src/formats/families/families';
import { refuseOtherFamily } from '../src/formats/lora/lora_kind';
import { outlineLora } from '../src/formats/lora/lora_outline';
import { baseAt } from './base_family';
import { handoverFilesOf } from './handover_zip';
import { readConfig } from './read_config';
import { runPictures } from './run_pictures';

const USAGE = `Usage: npm run handover -- --config configs/my_lora_config.yaml
  --out FILE       the zip; otherwise OUTPUT_NAME-handover.zip in output_dir
  --lora FILE      the LoRA to go on from; otherwise the run's own where there is one, or pretrained_lora
  --processes N    processes that compute at once, 1 unless said
  --cpu            for a machine without a GPU; one process
  --back FOLDER    instead: says what came of a job that was trained, from its folder as it is then
  --anyway         take settings of another trainer although some cannot be honoured
${FOLDER_USAGE}
  --keep-copies    take also files that are equal to another to the last byte
Exit status: 0 written; 1 failed; 2 not understood.`;

async function main(): Promise<void> {
  const values = optionsOf({
    options: {
      config: { type: 'string', short: 'c' },
      out: { type: 'string', short: 'o' },
      lora: { type: 'string' },
      processes: { type: 'string', default: '1' },
      cpu: { type: 'boolean', default: false },
      back: { type: 'string' },
      anyway: { type: 'boolean', default: false },
      'keep-copies': { type: 'boolean' },
      ...folderOptions,
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.back !== undefined && !values.help) {
    await handoverBack(values.back, (line) => console.log(line));
    return;
  }
  if (values.help || !values.config) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const processes = Number(values.processes);
  if (!Number.isInteger(processes) || processes < 1 || processes > 1024)
    throw new UsageError(`--processes ${values.processes}: give a whole number from 1, as in --processes 2.`);
  if (values.cpu && processes > 1)
    throw new UsageError('--cpu is for one process: accelerate and sd-scripts share no work among CPUs.');
  const choices = folderChoices(values);
  const config = await readConfig(values.config, values.anyway, (line) => console.log(line));
  const images = await runPictures(config, choices, values['keep-copies'] ?? false, (line) =>
    console.log(line),
  );
  if (images.length === 0) throw new Error('No picture is left to hand over.');
  const own = join(config.output_dir, `${config.output_name}.safetensors`);
  const lora = values.lora ?? (existsSync(own) ? own : config.pretrained_lora || undefined);
  const ofBase = (await baseAt(config))?.family;
  if (lora !== undefined && (await isFolder(lora)))
    throw new Error(
      `The LoRA "${lora}" is a folder, and sd-scripts goes on from a file: make one by \`npm run lora -- convert ${lora} --to kohya --out FILE.safetensors\`, and name it by --lora.`,
    );
  const ofLora = lora === undefined ? undefined : await familyOfLora(lora);
  if (ofBase && ofLora) refuseOtherFamily(ofLora, familyFacts[ofBase]);
  const family = ofBase ?? ofLora;
  if (ofBase === undefined)
    console.log(
      `note: base_model "${config.base_model}" is not here, or is no base model: the job is written as for ${familyFacts[family ?? 'sd1'].title.en}.`,
    );
  const files = await handoverFilesOf(config, images, {
    ...(family === undefined ? {} : { family }),
    ...(lora === undefined ? {} : { lora }),
    ...{ processes, cpu: values.cpu },
  });
  const out = values.out ?? join(config.output_dir, `${config.output_name}-handover.zip`);
  await makeFolder(dirname(out));
  await writeWhole(out, (put) => streamZip(files, put));
  console.log(
    `${out}: ${images.length} pictures, ${lora ?? 'no LoRA so far'}. README.md in it says how it is run.`,
  );
}

/** Undefined for a LoRA of another kind than can be read here, which may still be one for sd-scripts. */
async function familyOfLora(path: string): Promise<FamilyName | undefined> {
  return (await outlineLora(openSource(path)).catch(() => undefined))?.family;
}

runCommand(main, USAGE);
