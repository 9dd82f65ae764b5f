"""Writes golden/tiny-sd15.safetensors: a Stable Diffusion 1.x checkpoint in miniature (single-file names,
fp16, under 4 MB, seeded random weights), and reads it back through diffusers' own converters to prove the
names. Usage: python make_tiny.py"""

import os
import sys

import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from safetensors.torch import load_file, save_file

from models import TINY, UNET_PREFIX, alphas_cumprod, build, ldm_entries, random_tensor

SEED = 20240501
PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "tiny-sd15.safetensors")


def make():
    models = build(TINY)
    tensors = {ldm: random_tensor(ldm, shape, SEED).half() for ldm, shape, _, _ in ldm_entries(models)}
    # What the v1-5-pruned files carry besides, which a reader has to pass over.
    ema = "model_ema.diffusion_modelinput_blocks00weight"
    tensors[ema] = 9 * torch.ones_like(tensors[UNET_PREFIX + "input_blocks.0.0.weight"])
    tensors["model_ema.decay"] = torch.tensor(0.9999)
    tensors["model_ema.num_updates"] = torch.tensor(7, dtype=torch.int32)
    tensors["alphas_cumprod"] = alphas_cumprod().float()
    tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    os.makedirs(os.path.dirname(PATH), exist_ok=True)
    save_file(tensors, PATH, metadata={"format": "pt"})


def verify():
    tensors = load_file(PATH)
    models = build(TINY)
    expected = {"unet": {}, "vae": {}, "text": {}}
    for ldm, shape, key, name in ldm_entries(models):
        expected[key][name] = tensors[ldm].reshape(models[key].state_dict()[name].shape)
    text = convert_ldm_clip_checkpoint(tensors)
    converted = {
        "unet": convert_ldm_unet_checkpoint(dict(tensors), models["unet"].config),
        "vae": convert_ldm_vae_checkpoint(dict(tensors), models["vae"].config),
        "text": {k.removeprefix("text_model."): v for k, v in text.items() if not k.endswith("position_ids")},
    }
    for key, state in converted.items():
        if set(state) != set(expected[key]):
            sys.exit(f"{key}: diffusers reads other names: {sorted(set(state) ^ set(expected[key]))[:6]}")
        for name, tensor in state.items():
            if not torch.equal(tensor, expected[key][name]):
                sys.exit(f"{key}: {name} differs from what diffusers reads")
        models[key].load_state_dict(state, strict=True, assign=True)
        print(f"{key}: {len(state)} tensors, as diffusers reads them")
    size = os.path.getsize(PATH)
    print(f"{PATH}: {size} bytes, {len(tensors)} tensors")
    if size >= 4_000_000:
        sys.exit("not under 4 MB")


if __name__ == "__main__":
    make()
    verify()
