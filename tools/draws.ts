/**
 * What a run draws at random, as plain files: `npm run draws -- --config configs/my_lora_config.yaml --out DIR`. Another
 * trainer that is given the same draws has to compute the same numbers (reference/README.md, "The same run elsewhere").
 * Nothing is trained, and no GPU is needed: draws hang on configuration, pictures and seed alone.
 */
import { join } from 'node:path';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { placeImages } from '../src/training/data/dataset';
import { planBaseModel } from '../src/training/step/base_model';
import { openBase } from './base_files';
import { optionsOf, runCommand, UsageError } from './command';
import { makeFolder, writeWhole } from './files';
import { FOLDER_USAGE, folderChoices, folderOptions } from './folder_options';
import { readConfig } from './read_config';
import { draws, pixels, startOf } from './run_draws';
import { runPictures } from './run_pictures';

const USAGE = `Usage: npm run draws -- --config configs/my_lora_config.yaml --out DIR
  --steps N        of the first N steps; otherwise of all
${FOLDER_USAGE}
  --keep-copies    take also files that are equal to another to the last byte
Exit status: 0 written; 1 failed; 2 not understood.`;

async function main(): Promise<void> {
  const values = optionsOf({
    options: {
      config: { type: 'string', short: 'c' },
      out: { type: 'string', short: 'o' },
      steps: { type: 'string' },
      'keep-copies': { type: 'boolean' },
      ...folderOptions,
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (!values.config || !values.out) throw new UsageError('Give --config and --out.');
  const most = values.steps === undefined ? Infinity : Number(values.steps);
  if (values.steps !== undefined && !(Number.isSafeInteger(most) && most > 0))
    throw new UsageError(`--steps ${values.steps}: give a whole number from 1, as in --steps 20.`);
  const say = (line: string) => console.log(line);
  const config = await readConfig(values.config, false, say);
  if (config.lora_dropout > 0)
    throw new Error('lora_dropout is drawn on the GPU, in no order that another trainer has. Set it to 0.');
  const images = await runPictures(config, folderChoices(values), values['keep-copies'] ?? false, say);
  const plan = await planBaseModel(await openBase(config));
  const drawn = draws(config, plan, images, most);
  await makeFolder(values.out);
  const write = (name: string, bytes: Uint8Array | string) => writeWhole(join(values.out ?? '', name), bytes);
  await write('start.safetensors', await startOf(config, plan));
  await write('draws.safetensors', writeSafetensors(drawn.tensors));
  await write('pixels.safetensors', writeSafetensors(await pixels(placeImages(images, config))));
  await write('draws.json', `${JSON.stringify(drawn.said)}\n`);
  say(`${values.out}: ${drawn.said.steps.length} steps, ${images.length} pictures`);
}

runCommand(main, USAGE);
