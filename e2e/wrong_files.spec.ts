/**
 * Everything that people take for a model or a picture and that is none, on the screens where they give it: each is
 * named for what it is, and nothing of it stays. The files are made here, byte by byte.
 */
import { expect, test, type Page } from '@playwright/test';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { dropFiles, goTo } from './small_run';

const text = (content: string) => Uint8Array.from(content, (letter) => letter.charCodeAt(0));

const tensor = (name: string, ...shape: number[]) => ({
  name,
  dtype: 'F16' as const,
  shape,
  data: new Uint8Array(2 * shape.reduce((product, side) => product * side, 1)),
});
const alone = (name: string, ...shape: number[]) => writeSafetensors([tensor(name, ...shape)]);

const unet = tensor('model.diffusion_model.input_blocks.0.0.weight', 4, 4, 3, 3);
const vae = tensor('first_stage_model.decoder.conv_in.weight', 4, 4, 3, 3);
const clip = tensor('cond_stage_model.transformer.text_model.final_layer_norm.weight', 4);
const sd1 = [unet, vae, clip];

const square = (width: number, height = width) =>
  sharp({ create: { width, height, channels: 3, background: '#4060a0' } });

test.describe('as a base model', () => {
  const says = (page: Page) => page.getByRole('region', { name: 'Base model' });

  test('each is named for what it is, with what to do', async ({ page }) => {
    const png = new Uint8Array(await square(80).png().toBuffer());
    const download = 'Download it again.';
    const fits = 'Here, SD 1.5, SD 2.x, SDXL and their fine-tunes can be trained.';
    const parts = 'Choose the whole checkpoint, or U-Net, text encoder and VAE together.';
    const wrong: [name: string, bytes: Uint8Array, sentence: string, remedy: string][] = [
      [
        'refiner.safetensors',
        alone('conditioner.embedders.0.model.ln_final.weight', 4),
        'This is the SDXL refiner, which only finishes what the base model began.',
        fits,
      ],
      [
        'xl-inpainting.safetensors',
        writeSafetensors([
          tensor('model.diffusion_model.input_blocks.0.0.weight', 4, 9, 3, 3),
          tensor('model.diffusion_model.label_emb.0.0.weight', 4, 4),
        ]),
        'This is an inpainting model of SDXL (9 channels).',
        fits,
      ],
      [
        'v2-depth.safetensors',
        writeSafetensors([
          tensor('model.diffusion_model.input_blocks.0.0.weight', 4, 5, 3, 3),
          tensor('cond_stage_model.model.ln_final.weight', 4),
        ]),
        'This is the depth model of SD 2 (5 channels).',
        fits,
      ],
      [
        'v3.safetensors',
        alone('model.diffusion_model.joint_blocks.0.w', 4),
        'This is a Stable Diffusion 3 model.',
        fits,
      ],
      ['dev.safetensors', alone('double_blocks.0.img_attn.qkv.weight', 4, 4), 'This is a Flux model.', fits],
      [
        'inpainting.safetensors',
        writeSafetensors([tensor('model.diffusion_model.input_blocks.0.0.weight', 4, 9, 3, 3), vae, clip]),
        'This is an inpainting model (9 channels).',
        fits,
      ],
      [
        'edits.safetensors',
        writeSafetensors([tensor('model.diffusion_model.input_blocks.0.0.weight', 4, 8, 3, 3), vae, clip]),
        'This is an instruct-pix2pix model (8 channels).',
        fits,
      ],
      [
        'style.safetensors',
        alone('lora_unet_mid_block_proj_in.lora_down.weight', 4, 4),
        'This is a LoRA, not a base model.',
        fits,
      ],
      ['easy.safetensors', alone('emb_params', 2, 768), 'This is a textual inversion embedding', fits],
      ['canny.safetensors', alone('control_model.input_blocks.0.0.weight', 4), 'This is a ControlNet', fits],
      ['vae.safetensors', writeSafetensors([vae]), 'This is a VAE alone.', parts],
      ['no_vae.safetensors', writeSafetensors([unet, clip]), 'It lacks the VAE.', 'Choose a VAE for it'],
      [
        'bert.safetensors',
        alone('encoder.layer.0.weight', 4),
        'This is not a model that is known here.',
        fits,
      ],
      ['empty.safetensors', writeSafetensors([]), 'This file holds no model.', fits],
      [
        'new.ckpt',
        text(`PK\x03\x04${'\0'.repeat(40)}`),
        'new.ckpt is refused.',
        'can run code when it is opened',
      ],
      [
        'old.ckpt',
        text(`\x80\x02}q\x01${'\0'.repeat(40)}`),
        'old.ckpt is refused.',
        'can run code when it is opened',
      ],
      ['q4.gguf', text(`GGUF\x03${'\0'.repeat(40)}`), 'q4.gguf is refused.', 'It is a GGUF'],
      ['photo.safetensors', png, 'photo.safetensors is refused.', 'It is a picture'],
      [
        'page.safetensors',
        text('<!DOCTYPE html><title>404</title>'),
        'page.safetensors is refused.',
        'a text that a download left',
      ],
      ['cut.safetensors', writeSafetensors(sd1).slice(0, -50), 'The file ends too early.', download],
      [
        'bytes.safetensors',
        text('\x01\x02\x03\x04\x05\x06\x07\x08\x09'),
        'bytes.safetensors is refused.',
        'It is no .safetensors',
      ],
      [
        'nothing.safetensors',
        new Uint8Array(0),
        'nothing.safetensors is refused.',
        'It is too small to be a model.',
      ],
    ];
    await page.goto('/');
    for (const [name, bytes, sentence, remedy] of wrong) {
      await dropFiles(page, [{ name, bytes }]);
      await expect(says(page)).toContainText(sentence);
      await expect(says(page)).toContainText(remedy);
      await expect(says(page)).toContainText(name.replace(/\.safetensors$/, ''));
    }
    await says(page).getByRole('button', { name: 'All right' }).click();
    await expect(says(page)).not.toContainText('is refused');
    await expect(says(page)).not.toContainText('in use');
  });

  test('a right one is taken and kept over a reload', async ({ page }) => {
    await page.goto('/');
    await dropFiles(page, [{ name: 'photon.safetensors', bytes: writeSafetensors(sd1) }]);
    const photon = says(page).getByRole('listitem').filter({ hasText: 'photon' });
    await expect(photon).toContainText('in use');
    await expect(page.getByText('Stable Diffusion 1.x · photon')).toBeVisible();
    await page.reload();
    await expect(photon).toContainText('in use');
    await expect(says(page).getByRole('button', { name: 'Choose another' })).toBeVisible();
  });
});

test('among pictures: what is none is told by reason, what is one comes in', async ({ page }) => {
  const jpeg = new Uint8Array(await square(200).jpeg().toBuffer());
  const png = new Uint8Array(await square(300).png().toBuffer());
  const bomb = png.slice();
  // Its header says 60,000 by 60,000 pixels: 14 GB once decoded.
  new DataView(bomb.buffer).setUint32(16, 60_000);
  new DataView(bomb.buffer).setUint32(20, 60_000);
  // Its screen is 100 x 100 pixels, its one frame 20,000 x 20,000.
  const FRAME = 'GIF89ad\0d\0\0\0\0,\0\0\0\0\x20\x4e\x20\x4e\0\x02\x02\x44\x01\0;';
  const zeros = zipSync(
    { 'zeros.png': new Uint8Array(30 * 2 ** 20), 'inner.zip': zipSync({}) },
    { level: 9 },
  );
  const given: [name: string, bytes: Uint8Array, reason: string | undefined][] = [
    ['good.png', png, undefined],
    // Another ending than its own is no harm.
    ['really_a_jpeg.png', jpeg, undefined],
    ['nothing.jpg', new Uint8Array(0), 'empty file'],
    ['phone.heic', text('\0\0\0\x18ftypheic\0\0\0\0mif1heic'), 'HEIC (convert to PNG or JPEG)'],
    ['scan.tif', text('II*\0\x08\0\0\0'), 'TIFF (convert to PNG or JPEG)'],
    ['new.png', text('\xff\x0a\x50\x80'), 'JPEG XL (convert to PNG or JPEG)'],
    ['drawing.png', text('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'SVG (convert to PNG or JPEG)'],
    ['letter.jpg', text('Dear all, this is no picture.'), 'not a picture'],
    ['model.jpg', text(`PK\x03\x04${'\0'.repeat(40)}`), 'not a picture'],
    ['program.exe', text('MZ'), 'not a picture'],
    ['cut.png', png.slice(0, 60), 'damaged'],
    ['bomb.png', bomb, 'too large'],
    ['frame.gif', text(FRAME), 'too large'],
    ['icon.png', new Uint8Array(await square(32).png().toBuffer()), 'under 64 px'],
    ['line.png', new Uint8Array(await square(1700, 100).png().toBuffer()), 'too long and thin (crop it)'],
    ['lonely.txt', text('a caption of nothing'), 'caption without a picture'],
    ['cut.zip', zipSync({ 'a.png': png }).slice(0, -30), 'zip that cannot be opened'],
    ['bomb.zip', zeros, 'zip that cannot be opened'],
  ];
  await page.goto('/');
  await goTo(page, 'Images');
  await dropFiles(
    page,
    given.map(([name, bytes]) => ({ name, bytes })),
  );
  const shots = page.getByRole('list', { name: 'Pictures' }).getByRole('button');
  await expect(shots).toHaveCount(2);
  const note = page.getByRole('status').filter({ hasText: 'files were not added' });
  // The archive within the archive is one more.
  await expect(note).toContainText('17 files were not added');
  await note.getByRole('button', { name: 'Show', exact: true }).click();
  for (const [name, , reason] of given) {
    if (reason === undefined) {
      await expect(shots.filter({ hasText: name })).toHaveCount(1);
      continue;
    }
    await expect(note).toContainText(reason);
    // Under its own reason, not only somewhere.
    await expect(note.getByRole('heading', { name: reason }).locator('+ ul')).toContainText(name);
  }
  await expect(note).toContainText('zip within a zip');
  await note.getByRole('button', { name: 'Dismiss' }).click();
  await expect(note).toHaveCount(0);
});
