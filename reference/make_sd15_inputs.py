"""Inputs for a full-size run of ours and for check_sd15.py: noise for the U-Net at 128x128 px, token ids, a small image
and a small latent for the VAE, and a start LoRA of rank 8 (alpha 8, up N(0, 0.02), all 192 U-Net modules).
Usage: python make_sd15_inputs.py BASE.safetensors INPUTS.safetensors LORA.safetensors"""

import sys

import torch
from safetensors.torch import save_file

import lora
from models import load_single_file

SEED = 20240503
RANK = 8


def inputs(generator):
    def normal(*shape):
        return torch.randn(shape, generator=generator)

    ids = torch.randint(0, 49406, (1, 77), generator=generator, dtype=torch.int32)
    ids[:, 0] = 49406
    ids[:, 20:] = 49407
    return {
        "latent_nhwc": normal(1, 16, 16, 4),
        "noise_nhwc": normal(1, 16, 16, 4),
        "timesteps": torch.tensor([421], dtype=torch.int32),
        "context": normal(1, 77, 768),
        "ids": ids,
        "image_nhwc": torch.rand((1, 64, 64, 3), generator=generator) * 2 - 1,
        "decode_latent_nhwc": normal(1, 8, 8, 4),
    }


def main(base, inputs_path, lora_path):
    generator = torch.Generator().manual_seed(SEED)
    save_file(inputs(generator), inputs_path)
    unet = load_single_file(base, torch.float32, exact_time=False, models=("unet",))["unet"]
    start = lora.initial(lora.modules(unet), RANK, float(RANK), generator, up_std=0.02)
    metadata = {"ss_network_module": "networks.lora", "ss_network_dim": str(RANK), "ss_network_alpha": f"{RANK}.0"}
    save_file({name: value.contiguous() for name, value in start.items()}, lora_path, metadata)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
