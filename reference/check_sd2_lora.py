"""Does diffusers, loading a LoRA for SD 2.x in diffusers' notation (`npm run lora -- convert --to diffusers`), compute what
kohya's LoRA does? For the miniature of sd2.py, with a LoRA of all modules.
Usage: python check_sd2_lora.py --make KOHYA.safetensors, then convert it, then python check_sd2_lora.py KOHYA DIFFUSERS

KOHYA is as sd-scripts writes it: proj_in and proj_out as convolutions of one pixel, which diffusers' loader does not take."""

import argparse
import sys

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file, save_file

import sd2
from lora import Adapter
from make_sdxl import lora_weights, prompts


def outputs(models):
    context = sd2.encode(models, prompts(2, 191))
    x = torch.randn((2, 4, 16, 24), generator=torch.Generator().manual_seed(190)).double()
    return context, models["unet"](x, torch.tensor([37, 640]), context).sample


def make(path):
    models, _, _ = sd2.load(torch.float64)
    tensors = lora_weights(sd2.modules(models, ["unet", "text1"]))
    for name, values in tensors.items():
        if name.split(".")[0].endswith(("proj_in", "proj_out")) and values.ndim == 2:
            tensors[name] = values[..., None, None].contiguous()
    save_file(tensors, path, metadata={"ss_v2": "True"})


@torch.no_grad()
def main(kohya, converted, tolerance):
    models, _, _ = sd2.load(torch.float64)
    plain = outputs(models)
    tensors = {name: v[..., 0, 0] if v.ndim == 4 else v for name, v in load_file(kohya).items()}
    adapter = Adapter(sd2.modules(models, ["unet", "text1"]), tensors)
    wanted = outputs(models)
    adapter.detach()
    pipeline = StableDiffusionPipeline(
        vae=models["vae"], text_encoder=models["text1"], tokenizer=None, unet=models["unet"],
        scheduler=DDIMScheduler(), safety_checker=None, feature_extractor=None,
    )
    pipeline.load_lora_weights(converted, adapter_name="ours")
    loaded = {
        part: sum("lora_A.ours" in name for name, _ in models[part].named_parameters()) for part in ("unet", "text1")
    }
    for part in loaded:
        models[part].double()
    print(f"{len(tensors) // 3} modules in the file; diffusers took {loaded}")
    failed = len(tensors) // 3 != sum(loaded.values())
    for what, got, want, without in zip(("states", "output"), outputs(models), wanted, plain):
        error, effect = ((a - want).norm() / want.norm() for a in (got, without))
        print(f"{what}: relative error {error:.3e}, effect of the LoRA {effect:.3e}")
        failed |= not error <= tolerance < effect
    print("FAIL" if failed else "PASS")
    return int(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--make")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    wanted = parser.parse_args()
    sys.exit(make(wanted.make) if wanted.make else main(*wanted.files, wanted.tolerance))
