/**
 * The way of someone who has never trained: from the address to a LoRA file, with a sample set and the demo model, in
 * words that a person reads on the screen. Only what would take long without a GPU is set lower than they would.
 */
import { expect } from '@playwright/test';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { parseLora, type LoraFile } from '../src/formats/lora/kohya_lora';
import type { Person } from './person';

/** Fields as the form calls them. */
const SMALL: readonly (readonly [field: string, value: string])[] = [
  ['Rank', '4'],
  ['Batch', '1'],
  ['Steps instead of epochs', '3'],
  ['Resolution', '64'],
  ['Sampling steps', '2'],
  ['Sample every', '3'],
];
/** The results call a prompt by what it asks for, without the trigger word. */
const ASKED = 'a red star on a light blue background';
const PROMPT = `${ASKED}, woodcut style`;
/** Software rendering on a machine with other work: minutes where a GPU takes seconds. */
const LONG_MS = 900_000;

export interface Trained {
  readonly file: LoraFile;
  readonly name: string;
  readonly log: string;
}

export async function trainAsNewcomer(person: Person, address: string): Promise<Trained> {
  await person.goTo(address);
  await person.sees('heading', 'Drop your pictures here');
  await person.press('button', 'Use the demo model');
  await person.reads('in use');
  await person.press('button', 'Open the sample set: Woodcut, a style');

  // Thirty pictures with captions: one is looked at, six are enough for a try.
  await person.sees('heading', 'Images and captions');
  await person.sees('button', 'On to settings');
  await person.reads('img30.png');
  await person.pressText('img07.png');
  await person.pressText('img30.png', true);
  await person.press('button', 'Set aside');
  await person.press('button', 'Clear selection');
  await person.pressText('img02.png');
  await person.reads('a red fish to the left of a brown star on a grey background');
  expect(await person.valueOf('textbox', 'Trigger word')).toBe('woodcut style');
  await person.press('button', 'On to settings');

  await person.sees('heading', 'Settings');
  await person.pressText('A face or figure that stays itself');
  await person.pressText('The hand, not the subject');
  for (const [field, value] of SMALL) {
    await person.write('searchbox', 'Search settings', field);
    await person.write('textbox', field, value);
  }
  await person.write('searchbox', 'Search settings', 'Prompts');
  await person.write('textbox', 'Prompts', PROMPT);
  await person.reads('to spare', LONG_MS);
  await person.press('button', 'Start training');

  await person.sees('heading', 'Training');
  await person.sees('button', `Show larger: ${PROMPT}, step 0`, LONG_MS);
  await person.sees('button', `Show larger: ${PROMPT}, step 3`, LONG_MS);
  await person.sees('button', 'To the results', LONG_MS);
  const log = await person.save('Save the log');
  await person.press('button', 'To the results');

  await person.sees('button', `${ASKED}, Base`);
  await person.sees('button', `${ASKED}, Step 3`);
  await person.reads('Written, read back and compared', LONG_MS);
  const { name, bytes } = await person.save('Download');
  await person.reads('In the download folder.');
  return { file: await parseLora(fromBytes(bytes)), name, log: new TextDecoder().decode(log.bytes) };
}

/** What any program that loads LoRAs looks for in the file. */
export function expectKohyaLora({ file, name, log }: Trained): void {
  expect(name).toMatch(/\.safetensors$/);
  // The style preset leaves the text encoder alone: the U-Net's modules, by kohya's names.
  expect(file.modules).toHaveLength(192);
  const names = file.modules.map((module) => module.name);
  expect(names).toContain('lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q');
  expect(names.every((each) => /^lora_unet_(down|mid|up)_block/.test(each))).toBe(true);
  expect(file.modules.every(({ downShape }) => downShape[0] === 4)).toBe(true);
  // Up begins at zero: what is not zero has been learned. At 64 px the middle of the U-Net sees a single spot, which has
  // nothing but itself to attend to: query and key have no say there.
  const unmoved = file.modules
    .filter(({ up }) => up.every((value) => value === 0))
    .map(({ name: each }) => each);
  const middle = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1';
  expect(unmoved.sort()).toEqual([`${middle}_to_k`, `${middle}_to_q`]);
  expect(file.modules.every(({ up, down }) => [...up, ...down].every(Number.isFinite))).toBe(true);
  expect(file.metadata).toMatchObject({
    ss_network_module: 'networks.lora',
    ss_network_dim: '4',
    ss_steps: '3',
  });
  expect(log).toContain('6 pictures encoded');
  expect(log).toContain('Finished in');
}
