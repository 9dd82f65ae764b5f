"""Does diffusers, loading an exported kohya LoRA its own way, compute what we compute with it?
Usage: python check_lora.py BASE.safetensors LORA.safetensors OURS.safetensors [--tolerance 1e-3]

OURS holds float32 latent_nhwc [B,H,W,4], timesteps [B], context [B,N,C], out_nhwc [B,H,W,4] (the U-Net with the
LoRA) and optionally lora_scale [1] (1 if absent), ids [B,77] with text_out [B,77,C] (the text encoder with the
LoRA, clip skip 1). Exit 1 if a relative error (norm of the difference over norm of diffusers' result) is over
the tolerance, or if the LoRA's effect is under it, so that nothing is shown."""

import argparse
import sys

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors import safe_open
from safetensors.torch import load_file

from models import encode, load_single_file, nchw, nhwc


def relative(ours, theirs):
    return ((ours - theirs).norm() / theirs.norm()).item()


def load_pipeline(base):
    models = load_single_file(base, torch.float32, exact_time=False, models=("unet", "text"))
    return StableDiffusionPipeline(
        vae=None,
        text_encoder=models["text"],
        tokenizer=None,
        unet=models["unet"],
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def outputs(pipeline, ours):
    """What diffusers computes for the inputs in OURS, by the key of our result."""
    latent, context = nchw(ours["latent_nhwc"]), ours["context"]
    timesteps = ours["timesteps"].long().expand(latent.shape[0])
    found = {"out_nhwc": nhwc(pipeline.unet(latent, timesteps, context).sample)}
    if "text_out" in ours:
        found["text_out"] = encode(pipeline.text_encoder, ours["ids"].long())
    return found


@torch.no_grad()
def main(arguments):
    ours = load_file(arguments.ours)
    pipeline = load_pipeline(arguments.base)
    plain = outputs(pipeline, ours)
    pipeline.load_lora_weights(arguments.lora, adapter_name="ours")
    scale = ours["lora_scale"].item() if "lora_scale" in ours else 1.0
    pipeline.set_adapters(["ours"], [scale])
    with safe_open(arguments.lora, "pt") as file:
        pairs = sum(name.endswith(".lora_down.weight") for name in file.keys())
    loaded = sum("lora_A.ours" in name for name, _ in pipeline.unet.named_parameters())
    loaded_text = sum("lora_A.ours" in name for name, _ in pipeline.text_encoder.named_parameters())
    print(f"{pairs} modules in the file; diffusers took {loaded} into the U-Net, {loaded_text} into the text encoder")
    failed = pairs != loaded + loaded_text
    for key, theirs in outputs(pipeline, ours).items():
        error, effect = relative(ours[key].float(), theirs), relative(plain[key], theirs)
        print(f"{key}: relative error {error:.3e}, effect of the LoRA {effect:.3e}")
        trains = loaded if key == "out_nhwc" else loaded_text
        failed |= not error <= arguments.tolerance
        if trains > 0 and effect <= arguments.tolerance:
            print(f"  too small an effect to be told from the tolerance {arguments.tolerance}: train longer")
            failed = True
    print("FAIL" if failed else "PASS")
    return int(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("lora")
    parser.add_argument("ours")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    sys.exit(main(parser.parse_args()))
