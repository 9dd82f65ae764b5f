"""Writes golden/sd2_names.json.gz: as make_sdxl_names.py for SD 2.x: the names of its tensors in single files with what
diffusers makes of each, and the modules that sd-scripts' own LoRA class adapts in its own U-Net, with kohya's names and
shapes. Full size, on the meta device: no weights.
Usage: python make_sd2_names.py SD_SCRIPTS   (a checkout of kohya-ss/sd-scripts; diffusers, transformers, accelerate, einops)
"""

import gzip
import json
import os
import sys

import torch

import sd2
from make_sdxl_names import PATH, traced, traced_rows

NAMES = PATH.replace("sdxl_names", "sd2_names")


def converted():
    """As make_sdxl_names.converted: [part, its name there, file's name, share of the rows or None, turned]."""
    models = sd2.build(sd2.SD21)
    ranks = {file: len(shape) for _, _, file, shape, _ in sd2.entries(models)}
    ranks |= {file: len(shape) for file, shape in sd2.unused(models).items()}
    tensors, by_index = traced(ranks.items())
    read = sd2.as_diffusers_reads(tensors, models)
    del read["vae"]  # its converter turns a kernel of one pixel into a matrix, which a trace is too narrow for
    return traced_rows(read, tensors, by_index)


def modules(scripts):
    sys.path.insert(0, scripts)
    from library import model_util, original_unet
    from networks import lora

    with torch.device("meta"):
        unet = original_unet.UNet2DConditionModel(**model_util.create_unet_diffusers_config(True))
        network = lora.LoRANetwork(sd2.build(sd2.SD21)["text1"], unet, lora_dim=4, alpha=1)
    found = network.unet_loras + network.text_encoder_loras
    return [[module.lora_name, list(module.lora_down.weight.shape), list(module.lora_up.weight.shape)] for module in found]


if __name__ == "__main__":
    rows = converted()
    parts = sd2.build(sd2.SD21)
    for part in ["unet", "text1"]:
        have = {name for p, name, *_ in rows if p == part}
        want = {name for name in parts[part].state_dict() if not name.endswith("position_ids")}
        if have != want:
            sys.exit(f"{part}: {sorted(have ^ want)[:6]}")
    found = modules(sys.argv[1])
    if len(found) != 192 + 138:
        sys.exit(f"{len(found)} modules")
    text = json.dumps({"tensors": rows, "modules": found, "unused": list(sd2.unused(parts))}, separators=(",", ":"))
    with open(NAMES, "wb") as file:
        file.write(gzip.compress(text.encode(), mtime=0))
    print(f"{NAMES}: {len(rows)} tensors, {len(found)} modules, {os.path.getsize(NAMES)} bytes")
