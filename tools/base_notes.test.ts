/** What the base model says against a configuration, on the command line. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../src/formats/config/config';
import { familyFacts } from '../src/formats/families/families';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { baseNotes } from './base_notes';

const marked = fromBytes(
  writeSafetensors([{ name: 'v_pred', dtype: 'F32', shape: [0], data: new Uint8Array() }], {}),
);

test('settings of SD 1.x with an SDXL that predicts v', async () => {
  const notes = await baseNotes(defaultConfig(), familyFacts.sdxl, [marked]);
  expect(notes.map((note) => note.split(':')[0])).toEqual(['v_parameterization', 'resolution']);
  expect(await baseNotes(defaultConfig(), familyFacts.sd1, [])).toEqual([]);
  const alone = { ...defaultConfig(), zero_terminal_snr: true };
  expect(await baseNotes(alone, familyFacts.sd1, [])).toEqual([
    expect.stringMatching(/^zero_terminal_snr: .*Turn v-prediction on too/),
  ]);
});
