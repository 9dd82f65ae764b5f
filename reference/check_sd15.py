"""Does a full-size run of ours equal diffusers' on the same checkpoint? CPU, float32, the file's fp16 numbers.
Usage: python check_sd15.py BASE.safetensors OURS.safetensors [--lora START.safetensors] [--f16]
       python check_sd15.py BASE.safetensors OURS.safetensors [--lora START.safetensors] --write

OURS holds inputs and our results, float32 and NHWC; each result that is there is compared, the rest is skipped:
  latent_nhwc [B,H,W,4], timesteps [B], context [B,N,C]  ->  out_nhwc (the U-Net without LoRA)
  and with --lora: out_lora_nhwc (with it, scale alpha/rank); with noise_nhwc [B,H,W,4] also loss [1] = mean
  squared error of out_lora_nhwc against noise_nhwc, and grad/<kohya name>.lora_{down,up}.weight of that loss
  ids [B,77] -> text_out [B,77,C] (text encoder without LoRA, clip skip 1)
  image_nhwc -> mean_nhwc (VAE encoder); decode_latent_nhwc -> decoded_nhwc (latent / 0.18215, decoder)
Limits: float32: outputs 1e-4, gradients 1e-3 relative; --f16: outputs 1e-2, gradients cosine 0.999. Exit 1 beyond.
--write computes every result its inputs allow and writes OURS with them (to try this script, or to compare by hand).
"""

import argparse
import sys

import torch
from safetensors.torch import load_file, save_file

import lora
from models import encode, load_single_file, nchw, nhwc


def unet_results(base, ours, start):
    unet = load_single_file(base, torch.float32, exact_time=False, models=("unet",))["unet"]
    latent, t, context = nchw(ours["latent_nhwc"]), ours["timesteps"].long(), ours["context"]
    with torch.no_grad():
        yield "out_nhwc", nhwc(unet(latent, t, context).sample)
    if start is None:
        return
    given = {name.rsplit(".lora_down", 1)[0] for name in start if ".lora_down." in name}
    found = {name: module for name, module in lora.modules(unet).items() if name in given}
    unknown = [name for name in given - set(found) if name.startswith("lora_unet_")]
    if unknown:
        sys.exit(f"the LoRA has modules this U-Net lacks: {unknown[:4]}")
    adapter = lora.Adapter(found, start, torch.float32)
    with torch.set_grad_enabled("noise_nhwc" in ours):
        pred = unet(latent, t, context).sample
    yield "out_lora_nhwc", nhwc(pred.detach())
    if "noise_nhwc" in ours:
        loss = ((pred - nchw(ours["noise_nhwc"])) ** 2).mean()
        loss.backward()
        yield "loss", loss.detach()[None]
        for name, gradient in adapter.gradients().items():
            yield "grad/" + name, gradient


@torch.no_grad()
def other_results(base, ours):
    if "ids" in ours:
        text = load_single_file(base, torch.float32, models=("text",))["text"]
        yield "text_out", encode(text, ours["ids"].long())
    if "image_nhwc" in ours or "decode_latent_nhwc" in ours:
        vae = load_single_file(base, torch.float32, models=("vae",))["vae"]
        if "image_nhwc" in ours:
            yield "mean_nhwc", nhwc(vae.encode(nchw(ours["image_nhwc"])).latent_dist.mean)
        if "decode_latent_nhwc" in ours:
            yield "decoded_nhwc", nhwc(vae.decode(nchw(ours["decode_latent_nhwc"]) / 0.18215).sample)


def results(base, ours, start):
    if "latent_nhwc" in ours:
        yield from unet_results(base, ours, start)
    yield from other_results(base, ours)


def within(key, ours, theirs, f16):
    """Prints one comparison; whether it is inside its limit."""
    ours, theirs = ours.double().flatten(), theirs.double().flatten()
    if ours.shape != theirs.shape:
        print(f"{key}: {ours.numel()} numbers, diffusers has {theirs.numel()}")
        return False
    error = ((ours - theirs).norm() / theirs.norm()).item()
    cosine = (ours @ theirs / (ours.norm() * theirs.norm())).item()
    if key.startswith("grad/"):
        good = cosine > 0.999 if f16 else error < 1e-3
    else:
        good = error < (1e-2 if f16 else 1e-4)
    print(f"{'ok  ' if good else 'FAIL'} {key}: relative error {error:.3e}, cosine {cosine:.7f}, norm {theirs.norm().item():.4g}")
    return good


def main(arguments):
    ours = load_file(arguments.ours)
    start = load_file(arguments.lora) if arguments.lora else None
    if arguments.write:
        ours |= {key: value.detach().float().contiguous() for key, value in results(arguments.base, ours, start)}
        save_file(ours, arguments.ours)
        print("wrote", ", ".join(sorted(key for key in ours if not key.startswith("grad/"))))
        return 0
    verdicts = [
        within(key, ours[key], theirs, arguments.f16)
        for key, theirs in results(arguments.base, ours, start)
        if key in ours
    ]
    print(f"{sum(verdicts)} of {len(verdicts)} results within limits")
    print("PASS" if verdicts and all(verdicts) else "FAIL")
    return 0 if verdicts and all(verdicts) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("ours")
    parser.add_argument("--lora")
    parser.add_argument("--f16", action="store_true")
    parser.add_argument("--write", action="store_true")
    sys.exit(main(parser.parse_args()))
