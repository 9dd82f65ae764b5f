/** What a person gives as base model is told by content, and what cannot be used is named for what it is. */
import { describe, expect, test } from 'vitest';
import { dtypeBits, type Dtype } from '../../formats/safetensors/safetensors';
import { writeSafetensors } from '../../formats/safetensors/safetensors_write';
import { readBaseParts } from '../../formats/reading/base_parts';
import { recogniseBase as recognise } from './recognise';

const recogniseBase = (files: readonly File[]) =>
  recognise(files, (all) =>
    Promise.all(all.map((file) => readBaseParts(file).catch((error: Error) => error))),
  );

const unet = ['model.diffusion_model.input_blocks.0.0.weight', [4, 4, 3, 3]] as const;
const vae = ['first_stage_model.decoder.conv_in.weight', [4, 4, 3, 3]] as const;
const text = ['cond_stage_model.transformer.text_model.final_layer_norm.weight', [4]] as const;

describe('one file', () => {
  test('a whole SD 1.x checkpoint fits, whatever its ending says', async () => {
    const found = await recogniseBase([fileOf('photon.v1.safetensors', unet, vae, text)]);
    expect(found).toMatchObject({ fits: true, name: 'photon.v1' });
  });

  test.each([
    ['flux', ['double_blocks.0.img_attn.qkv.weight', [4, 4]]],
    ['lora', ['lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight', [4, 4]]],
    ['unknown', ['head.weight', [4]]],
  ] as const)('%s', async (kind, tensor) => {
    const found = await recogniseBase([fileOf('model.safetensors', tensor)]);
    expect(found).toEqual({ fits: false, file: 'model.safetensors', why: { is: kind } });
  });

  test.each([
    ['unet', unet],
    ['vae', vae],
    ['text-encoder', text],
  ] as const)('a part alone: %s', async (kind, tensor) => {
    const found = await recogniseBase([fileOf('part.safetensors', tensor)]);
    expect(found).toEqual({ fits: false, file: 'part.safetensors', why: { is: kind } });
  });

  test('SDXL, by its second text encoder and its size conditioning', async () => {
    const found = await recogniseBase([
      fileOf(
        'model.safetensors',
        unet,
        vae,
        ['model.diffusion_model.label_emb.0.0.weight', [4, 4]],
        ['conditioner.embedders.0.transformer.text_model.final_layer_norm.weight', [4]],
        ['conditioner.embedders.1.model.ln_final.weight', [4]],
      ),
    ]);
    expect(found).toMatchObject({ fits: true, family: 'sdxl', name: 'model' });
  });

  test('a checkpoint without its text encoder says what it lacks', async () => {
    const found = await recogniseBase([fileOf('half.safetensors', unet, vae)]);
    expect(found).toEqual({ fits: false, file: 'half', why: { lacks: ['text1'] } });
  });

  test('a pickle is never opened, by its first bytes', async () => {
    const pickle = new File(
      [new Uint8Array([0x80, 2, 0x7d, 0x71, 0, 0x58, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
      'a.ckpt',
    );
    expect(await recogniseBase([pickle])).toMatchObject({ why: { damaged: 'pickle' } });
    const zip = new File(['PK\x03\x04', new Uint8Array(40)], 'a.ckpt');
    expect(await recogniseBase([zip])).toMatchObject({ why: { damaged: 'zip' } });
  });

  test('a download that broke off says how much is there', async () => {
    const whole = fileOf('model.safetensors', unet, vae, text);
    const cut = new File([whole.slice(0, whole.size - 100)], 'model.safetensors');
    expect(await recogniseBase([cut])).toEqual({
      fits: false,
      file: 'model.safetensors',
      why: { damaged: 'truncated', bytes: whole.size - 100, expected: whole.size },
    });
  });

  test('a file that vanished is no crash', async () => {
    const gone = fileOf('gone.safetensors', unet);
    gone.slice = () => {
      throw new DOMException('The file was moved.', 'NotFoundError');
    };
    expect(await recogniseBase([gone])).toMatchObject({ why: { unreadable: 'The file was moved.' } });
  });
});

describe('a VAE of its own', () => {
  const bare = (name: string) => fileOf(name, ['decoder.conv_in.weight', [4, 4, 3, 3]]);

  test.each([
    ['for one that has none', [fileOf('base.safetensors', unet, text)]],
    ['in place of the checkpoint’s', [fileOf('base.safetensors', unet, vae, text)]],
  ])('%s comes last, whatever the order', async (_, base) => {
    const own = bare('mse.safetensors');
    for (const files of [
      [...base, own],
      [own, ...base],
    ]) {
      const found = await recogniseBase(files);
      expect(found).toMatchObject({ fits: true, name: 'base + mse' });
      expect('files' in found && found.files).toEqual([...base, own]);
    }
  });

  test('does not make up for a text encoder', async () => {
    const found = await recogniseBase([fileOf('base.safetensors', unet), bare('mse.safetensors')]);
    expect(found).toMatchObject({ fits: false, why: { lacks: ['text1'] } });
  });
});

describe('what would fail later is named at once', () => {
  test('instruct-pix2pix and inpainting, by their channels', async () => {
    for (const [channels, is] of [
      [8, 'sd1-pix2pix'],
      [9, 'sd1-inpainting'],
    ] as const) {
      const conv = [unet[0], [4, channels, 3, 3]] as const;
      const found = await recogniseBase([fileOf('model.safetensors', conv, vae, text)]);
      expect(found).toMatchObject({ fits: false, why: { is } });
    }
  });

  test('two checkpoints at once', async () => {
    const two = ['a.safetensors', 'b.safetensors'].map((name) => fileOf(name, unet, vae, text));
    expect(await recogniseBase(two)).toMatchObject({ fits: false, why: { twice: 'unet' } });
  });

  test('weights that are quantized; plain 8-bit floats are not', async () => {
    const of = (dtype: Dtype, ...more: string[]) => {
      const tensors = [unet, vae, text].map(([name, shape]) => ({ name, shape, dtype }));
      const extra = more.map((name) => ({ name, shape: [1], dtype: 'F32' as const }));
      const bytes = writeSafetensors(
        [...tensors, ...extra].map((tensor) => ({
          ...tensor,
          data: new Uint8Array(
            (dtypeBits[tensor.dtype] / 8) * tensor.shape.reduce((product, side) => product * side, 1),
          ),
        })),
      );
      return recogniseBase([new File([bytes], 'model.safetensors')]);
    };
    expect(await of('F8_E4M3')).toMatchObject({ fits: true });
    expect(await of('F8_E5M2')).toMatchObject({ fits: true });
    expect(await of('U8')).toMatchObject({ why: { quantized: 'U8' } });
    expect(await of('F8_E4M3', 'scaled_fp8')).toMatchObject({ why: { quantized: 'scaled fp8' } });
    expect(await of('F16', `${unet[0]}.absmax`)).toMatchObject({ why: { quantized: 'bitsandbytes' } });
  });
});

describe('shards', () => {
  const shard = (number: number, tensor: Tensor) =>
    fileOf(`diffusion_pytorch_model-0000${number}-of-00002.safetensors`, tensor);
  const first = shard(1, ['conv_in.weight', [4, 4, 3, 3]]);
  const second = shard(2, ['conv_out.weight', [4, 4, 3, 3]]);
  const others = [
    fileOf('diffusion_pytorch_model.safetensors', ['decoder.conv_in.weight', [4, 4, 3, 3]]),
    fileOf('model.safetensors', ['text_model.final_layer_norm.weight', [4]]),
  ];

  test('are taken together, in any order', async () => {
    const found = await recogniseBase([second, ...others, first]);
    expect(found).toMatchObject({ fits: true });
    expect('files' in found && found.files).toHaveLength(4);
  });

  test('of which one is missing are refused by its name', async () => {
    expect(await recogniseBase([second, ...others])).toMatchObject({
      why: { missing: 'diffusion_pytorch_model-00001-of-00002.safetensors' },
    });
  });
});

describe('a diffusers folder', () => {
  const parts = {
    unet: ['conv_in.weight', [4, 4, 3, 3]],
    vae: ['decoder.conv_in.weight', [4, 4, 3, 3]],
    text: ['text_model.final_layer_norm.weight', [4]],
  } as const;
  const folder = () => [
    at('dreamy/model_index.json', new File(['{}'], 'model_index.json')),
    at(
      'dreamy/unet/diffusion_pytorch_model.fp16.safetensors',
      fileOf('diffusion_pytorch_model.fp16.safetensors', parts.unet),
    ),
    at(
      'dreamy/unet/diffusion_pytorch_model.safetensors',
      fileOf('diffusion_pytorch_model.safetensors', parts.unet),
    ),
    at(
      'dreamy/vae/diffusion_pytorch_model.safetensors',
      fileOf('diffusion_pytorch_model.safetensors', parts.vae),
    ),
    at('dreamy/text_encoder/model.safetensors', fileOf('model.safetensors', parts.text)),
    at('dreamy/safety_checker/model.safetensors', fileOf('model.safetensors', ['logit_scale', [1]])),
  ];

  test('its three parts are taken, each once, and named after the folder', async () => {
    const found = await recogniseBase(folder());
    expect(found).toMatchObject({ fits: true, name: 'dreamy' });
    expect('files' in found && found.files.map((file) => file.webkitRelativePath)).toEqual([
      'dreamy/unet/diffusion_pytorch_model.safetensors',
      'dreamy/text_encoder/model.safetensors',
      'dreamy/vae/diffusion_pytorch_model.safetensors',
    ]);
  });

  test('without the text encoder it says so', async () => {
    const found = await recogniseBase(
      folder().filter((file) => !file.webkitRelativePath.includes('text_encoder')),
    );
    expect(found).toMatchObject({ fits: false, why: { lacks: ['text1'] } });
  });

  test('a damaged part is named by its path: SDXL has two of that name', async () => {
    const path = 'dreamy/text_encoder/model.safetensors';
    const files = folder().map((file) =>
      file.webkitRelativePath === path
        ? at(path, new File([file.slice(0, file.size - 1)], 'model.safetensors'))
        : file,
    );
    expect(await recogniseBase(files)).toMatchObject({
      fits: false,
      file: path,
      why: { damaged: 'truncated' },
    });
  });
});

type Tensor = readonly [name: string, shape: readonly number[]];

function fileOf(name: string, ...tensors: Tensor[]): File {
  const bytes = writeSafetensors(
    tensors.map(([tensor, shape]) => ({
      name: tensor,
      dtype: 'F16',
      shape,
      data: new Uint8Array(2 * shape.reduce((product, side) => product * side, 1)),
    })),
  );
  return new File([bytes], name);
}

function at(path: string, file: File): File {
  Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
}
