"""What the demo checkpoint draws when diffusers reads it: public/demo/base.safetensors through diffusers' own
single-file converters, float64, DDIM, two prompts -> ../golden/demo.safetensors, which the trainer's test compares
with. Usage: python golden.py"""

import os

import torch
from diffusers import DDIMScheduler
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from safetensors.torch import load_file, save_file

from model import DEMO, ROOT, SCALING, sd, tokenize

PROMPTS = ["a red star on a dark blue background, top left", "two small green circles on a yellow background"]
STEPS, GUIDANCE, SIZE = 20, 4.0, 64


def read_by_diffusers(path):
    checkpoint = load_file(path)
    models = sd.build(DEMO, exact_time=True)
    text = convert_ldm_clip_checkpoint(dict(checkpoint))
    states = {
        "unet": convert_ldm_unet_checkpoint(dict(checkpoint), models["unet"].config),
        "vae": convert_ldm_vae_checkpoint(dict(checkpoint), models["vae"].config),
        "text": text,
    }
    for key, model in models.items():
        own = model.state_dict()
        state = {
            name if name in own else name.removeprefix("text_model."): value.double()
            for name, value in states[key].items()
            if not name.endswith("position_ids")
        }
        model.load_state_dict(state, strict=True, assign=True)
        model.eval().requires_grad_(False)
    models["text"].embeddings.position_ids = torch.arange(77)[None]
    return models


@torch.no_grad()
def main():
    models = read_by_diffusers(os.path.join(ROOT, "public", "demo", "base.safetensors"))
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        set_alpha_to_one=False,
        clip_sample=False,
        timestep_spacing="leading",
    )
    scheduler.set_timesteps(STEPS)
    ids = tokenize(PROMPTS)
    context, empty = sd.encode(models["text"], ids), sd.encode(models["text"], tokenize([""]))
    noise = torch.randn((len(PROMPTS), 4, SIZE // 8, SIZE // 8), generator=torch.Generator().manual_seed(77))
    x = noise.double()
    both = torch.cat([empty.expand_as(context), context])
    for t in scheduler.timesteps:
        eps = models["unet"](torch.cat([x, x]), t.double().repeat(len(both)), both).sample
        without, with_ = eps.chunk(2)
        x = scheduler.step(without + GUIDANCE * (with_ - without), t, x).prev_sample
    pictures = models["vae"].decode(x / SCALING).sample
    save_file(
        {
            "ids": ids.int(),
            "noise_nhwc": sd.nhwc(noise).float(),
            "context": context.float(),
            "latent_nhwc": sd.nhwc(x).float(),
            "picture_nhwc": sd.nhwc(pictures).float(),
            "guidance": torch.tensor([GUIDANCE]),
            "steps": torch.tensor([STEPS]).int(),
        },
        os.path.join(ROOT, "reference", "golden", "demo.safetensors"),
    )
    print("latents", x.std(dim=(1, 2, 3)), "pictures", pictures.abs().amax())


if __name__ == "__main__":
    main()
