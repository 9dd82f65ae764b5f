"""Does a run of ours with SDXL equal diffusers' on the same checkpoint (of make_sdxl_shaped.py)? CPU, float32, the file's fp16
numbers; the full size takes 14 GB of memory.
Usage: python check_sdxl.py BASE.safetensors OURS.safetensors LORA.safetensors [--f16]

OURS is what `npm run full-size` writes: text_out and pooled_out of ids; out_nhwc without the LoRA, out_lora_nhwc, loss and
grad/<kohya name>... with it, of latent_nhwc, timesteps, context, pooled, sizes. Limits and exit code as check_sd15.py's."""

import argparse
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file

import lora
import sdxl
from check_sd15 import within
from models import nchw, nhwc


def load(path, parts):
    """Some models, one tensor in memory beside them at a time."""
    with safe_open(path, "pt") as file:
        first = file.get_slice("model.diffusion_model.input_blocks.0.0.weight").get_shape()[0]
        config = sdxl.TINY if first == sdxl.TINY["unet"][0] else sdxl.SDXL
        models = sdxl.build(config)
        states = {part: {} for part in parts}
        for part, name, key, _, how in sdxl.entries(models):
            if part in parts:
                shape = models[part].state_dict()[name].shape
                states[part][name] = sdxl.taken(file.get_tensor(key), how).reshape(shape).float()
    for part, state in states.items():
        models[part].load_state_dict(state, strict=True, assign=True)
        models[part].requires_grad_(False)
        if part != "unet":
            sdxl.number_positions(models[part])
    return models, config


def results(base, ours, start):
    models, config = load(base, ["text1", "text2"])
    if "text_out" in ours:
        with torch.no_grad():
            yield from zip(("text_out", "pooled_out"), sdxl.encode(models, ours["ids"].long(), vocab=config["vocab"]))
    models, _ = load(base, ["unet"])
    inputs = (nchw(ours["latent_nhwc"]), ours["timesteps"].long(), ours["context"], ours["pooled"], ours["sizes"].long())
    with torch.no_grad():
        yield "out_nhwc", nhwc(sdxl.predict(models, *inputs))
    adapter = lora.Adapter(sdxl.modules(models, ["unet"]), start, torch.float32)
    pred = sdxl.predict(models, *inputs)
    yield "out_lora_nhwc", nhwc(pred.detach())
    loss = ((pred - nchw(ours["noise_nhwc"])) ** 2).mean()
    loss.backward()
    yield "loss", loss.detach()[None]
    for name, gradient in adapter.gradients().items():
        yield "grad/" + name, gradient


def main(arguments):
    ours = load_file(arguments.ours)
    verdicts = [
        within(key, ours[key], theirs, arguments.f16)
        for key, theirs in results(arguments.base, ours, load_file(arguments.lora))
        if key in ours
    ]
    print(f"{sum(verdicts)} of {len(verdicts)} results within limits")
    print("PASS" if verdicts and all(verdicts) else "FAIL")
    return 0 if verdicts and all(verdicts) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("base", "ours", "lora"):
        parser.add_argument(name)
    parser.add_argument("--f16", action="store_true")
    sys.exit(main(parser.parse_args()))
