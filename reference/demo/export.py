"""Writes WORK's base model and VAE as one fp16 single-file checkpoint in the Stable Diffusion layout, and reads it
back through diffusers' own converters. Usage: python export.py [--out ../../public/demo/base.safetensors]"""

import os

import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from safetensors.torch import load_file, save_file

from model import DEMO, ROOT, sd
from runs import arguments
from train_base import load_base


def write(path, states):
    """states: {unet, vae, text: diffusers names -> tensors}. Returns the tensors written (LDM names, fp16)."""
    tensors = {}
    for ldm, shape, key, name in sd.ldm_entries(sd.build(DEMO)):
        value = states[key][name]
        if not torch.isfinite(value.half()).all():
            raise ValueError(f"{ldm} does not fit fp16 (largest {value.abs().max()}).")
        tensors[ldm] = value.reshape(shape).half().contiguous()
    save_file(tensors, path, metadata={"format": "pt"})
    return tensors


def verify(path):
    """Every tensor, as diffusers' single-file readers see it, fits the demo's models and equals what was written."""
    tensors = load_file(path)
    models = sd.build(DEMO)
    expected = {"unet": {}, "vae": {}, "text": {}}
    for ldm, _, key, name in sd.ldm_entries(models):
        expected[key][name] = tensors[ldm].reshape(models[key].state_dict()[name].shape)
    text = convert_ldm_clip_checkpoint(dict(tensors))
    converted = {
        "unet": convert_ldm_unet_checkpoint(dict(tensors), models["unet"].config),
        "vae": convert_ldm_vae_checkpoint(dict(tensors), models["vae"].config),
        "text": {k.removeprefix("text_model."): v for k, v in text.items() if not k.endswith("position_ids")},
    }
    for key, state in converted.items():
        own = {k.removeprefix("text_model."): v for k, v in expected[key].items()}
        if set(state) != set(own):
            raise ValueError(f"{key}: diffusers reads other names: {sorted(set(state) ^ set(own))[:6]}")
        for name, tensor in state.items():
            if not torch.equal(tensor, own[name]):
                raise ValueError(f"{key}: {name} differs from what diffusers reads")
    return {key: len(state) for key, state in converted.items()}


def main():
    args = arguments(0, out=os.path.join(ROOT, "public", "demo", "base.safetensors"))
    unet, text = load_base(args.work)
    states = {"unet": unet.state_dict(), "text": text.state_dict()}
    states["vae"] = {k: v.float() for k, v in load_file(os.path.join(args.work, "vae.safetensors")).items()}
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    write(args.out, states)
    print(f"{args.out}: {os.path.getsize(args.out) / 1e6:.2f} MB, read back by diffusers: {verify(args.out)}")


if __name__ == "__main__":
    main()
