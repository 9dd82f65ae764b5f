/** A LoRA that peft saved is a folder: its file and its strength are found by the folder's path. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { openLora } from './open_lora';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adapter-'));
});
afterAll(() => rm(folder, { recursive: true }));

const half = (side: string, shape: number[]) => ({
  name: `base_model.model.mid_block.attentions.0.proj_in.lora_${side}.weight`,
  dtype: 'F32' as const,
  shape,
  data: new Uint8Array(4 * 8).fill(1),
});

test('by the folder, and by its file', async () => {
  await writeFile(
    join(folder, 'adapter_model.safetensors'),
    writeSafetensors([half('A', [2, 4]), half('B', [4, 2])]),
  );
  await expect(openLora(join(folder, 'adapter_model.safetensors')).then(parseLora)).resolves.toMatchObject({
    modules: [{ alpha: 2 }],
  });
  await writeFile(join(folder, 'adapter_config.json'), '{"peft_type": "LORA", "r": 2, "lora_alpha": 7}');
  for (const path of [folder, join(folder, 'adapter_model.safetensors')])
    await expect(openLora(path).then(parseLora)).resolves.toMatchObject({ modules: [{ alpha: 7 }] });
});

test('what is no LoRA’s folder is named', async () => {
  const empty = join(folder, 'empty');
  await mkdir(empty);
  await expect(openLora(empty)).rejects.toThrow(
    /neither adapter_model\.safetensors nor pytorch_lora.*\(unet, text_encoder, text_encoder_2\)/,
  );
  await expect(openLora(join(folder, 'none'))).rejects.toThrow(/There is no file/);
});
