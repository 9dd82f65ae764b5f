"""Writes a checkpoint of SDXL's full size and names with seeded random fp16 weights (6.9 GB), tensor by tensor, and what a
full-size run of ours and check_sdxl.py take: noise for the U-Net at 128x128 px, token ids, pooled text, sizes, and a start
LoRA of rank 8 of the U-Net's modules (alpha 8, up N(0, 0.02)). Never committed. --tiny: of the miniature instead, 17 MB.
Usage: python make_sdxl_shaped.py BASE.safetensors INPUTS.safetensors LORA.safetensors [--tiny]"""

import argparse
import json
import math

import torch
from safetensors.torch import save_file

import lora
import sdxl
from models import random_tensor

SEED = 20240504
RANK = 8


def write_base(path, models):
    shapes = sorted({file: tuple(shape) for _, _, file, shape, _ in sdxl.entries(models)}.items())
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for file, shape in shapes:
        end = offset + 2 * math.prod(shape)
        header[file] = {"dtype": "F16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as out:
        out.write(len(encoded).to_bytes(8, "little"))
        out.write(encoded)
        for file, shape in shapes:
            # A positional embedding and an attention's three projections in one have names of their own here.
            known = file.replace("positional_embedding", "position_embedding.weight")
            out.write(random_tensor(known, shape, SEED).half().numpy().data)
    print(f"{path}: {8 + len(encoded) + offset} bytes, {len(shapes)} tensors")


def inputs(config, generator):
    def normal(*shape):
        return torch.randn(shape, generator=generator)

    vocab = config["vocab"]
    ids = torch.randint(0, vocab - 2, (1, 77), generator=generator, dtype=torch.int32)
    ids[:, 0] = vocab - 2
    ids[:, 20:] = vocab - 1
    return {
        "latent_nhwc": normal(1, 16, 16, 4),
        "noise_nhwc": normal(1, 16, 16, 4),
        "timesteps": torch.tensor([421], dtype=torch.int32),
        "context": normal(1, 77, sum(config["hidden"])),
        "pooled": normal(1, config["hidden"][1]),
        "sizes": torch.tensor([[1024, 768, 0, 16, 128, 128]], dtype=torch.int32),
        "ids": ids,
    }


def main(arguments):
    config = sdxl.TINY if arguments.tiny else sdxl.SDXL
    generator = torch.Generator().manual_seed(SEED)
    models = sdxl.build(config)
    write_base(arguments.base, models)
    save_file(inputs(config, generator), arguments.inputs)
    start = lora.initial(sdxl.modules(models, ["unet"]), RANK, float(RANK), generator, up_std=0.02)
    metadata = {"ss_network_module": "networks.lora", "ss_network_dim": str(RANK), "ss_network_alpha": f"{RANK}.0"}
    save_file({name: value.contiguous() for name, value in start.items()}, arguments.lora, metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("base", "inputs", "lora"):
        parser.add_argument(name)
    parser.add_argument("--tiny", action="store_true")
    main(parser.parse_args())
