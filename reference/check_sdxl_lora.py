"""Does diffusers, loading an exported SDXL LoRA its own way, compute what we compute with it? For the miniature of sdxl.py.
Usage: python check_sdxl_lora.py BASE.safetensors LORA.safetensors OURS.safetensors [--tolerance 1e-3]

OURS is what `npm run apply-lora` writes: latent_nhwc, timesteps, context, pooled, sizes -> out_nhwc; ids -> text_out and
pooled_out, all with the LoRA. Exit 1 as with check_lora.py."""

import argparse
import sys

import torch
from diffusers import DDIMScheduler, StableDiffusionXLPipeline
from safetensors import safe_open
from safetensors.torch import load_file

import sdxl
from check_lora import relative
from models import nchw, nhwc


def outputs(models, ours):
    """What diffusers computes for the inputs in OURS, by the key of our result."""
    out = sdxl.predict(
        models, nchw(ours["latent_nhwc"]).double(), ours["timesteps"].long(), ours["context"].double(),
        ours["pooled"].double(), ours["sizes"].long(),
    )
    context, pooled = sdxl.encode(models, ours["ids"].long())
    return {"out_nhwc": nhwc(out), "text_out": context, "pooled_out": pooled}


@torch.no_grad()
def main(arguments):
    ours = load_file(arguments.ours)
    models, _, _ = sdxl.load(torch.float64, arguments.base)
    plain = outputs(models, ours)
    pipeline = StableDiffusionXLPipeline(
        vae=models["vae"],
        text_encoder=models["text1"],
        text_encoder_2=models["text2"],
        tokenizer=None,
        tokenizer_2=None,
        unet=models["unet"],
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        add_watermarker=False,
    )
    pipeline.load_lora_weights(arguments.lora, adapter_name="ours")
    pipeline.set_adapters(["ours"], [ours["lora_scale"].item()])
    with safe_open(arguments.lora, "pt") as file:
        pairs = sum(name.endswith(".lora_down.weight") for name in file.keys())
    loaded = {
        part: sum("lora_A.ours" in name for name, _ in models[part].named_parameters())
        for part in ("unet", "text1", "text2")
    }
    for part in loaded:
        models[part].double()
    print(f"{pairs} modules in the file; diffusers took {loaded}")
    failed = pairs != sum(loaded.values())
    trains = {"out_nhwc": loaded["unet"], "text_out": loaded["text1"] + loaded["text2"], "pooled_out": loaded["text2"]}
    for key, theirs in outputs(models, ours).items():
        error, effect = relative(ours[key].double(), theirs), relative(plain[key], theirs)
        print(f"{key}: relative error {error:.3e}, effect of the LoRA {effect:.3e}")
        failed |= not error <= arguments.tolerance
        if trains[key] > 0 and effect <= arguments.tolerance:
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
