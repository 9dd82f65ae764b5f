"""Writes golden/sdxl_names.json.gz: the names of SDXL's tensors in single files with what diffusers makes of each, and the
modules that sd-scripts' own LoRA class adapts, with kohya's names and shapes. Full size, on the meta device: no weights.
Usage: python make_sdxl_names.py SD_SCRIPTS   (a checkout of kohya-ss/sd-scripts; diffusers, transformers, accelerate, einops)
"""

import gzip
import json
import os
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "sdxl_names.json.gz")
UNET = dict(
    sample_size=128, in_channels=4, out_channels=4, block_out_channels=(320, 640, 1280), layers_per_block=2,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    transformer_layers_per_block=[1, 2, 10], attention_head_dim=[5, 10, 20], cross_attention_dim=2048,
    use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2816,
)
VAE = dict(
    in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(128, 256, 512, 512), layers_per_block=2,
    down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, scaling_factor=0.13025,
)
CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, projection_dim=768)
CLIP_G = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280, hidden_act="gelu")


def models():
    with torch.device("meta"):
        return {
            "unet": UNet2DConditionModel(**UNET),
            "vae": AutoencoderKL(**VAE),
            "text1": CLIPTextModel(CLIPTextConfig(**CLIP_L)),
            "text2": CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_G)),
        }


def traced(names_shapes):
    """Tensors as wide as is needed, whose values say which name and which row they came from."""
    out, by_index = {}, {}
    for index, (name, rank) in enumerate(names_shapes, start=1):
        rows = 3 * WIDTH if ".in_proj_" in name else WIDTH
        shape = [rows, WIDTH][:rank] + [1] * (rank - 2)
        count = torch.Size(shape).numel()
        out[name] = (torch.arange(count, dtype=torch.float64) + 100 * index).reshape(shape)
        by_index[index] = name
    return out, by_index


WIDTH = 2


def originals(scripts):
    """Names of the single file, with ranks: sd-scripts' own U-Net keeps them, OpenCLIP's and LDM's follow from diffusers' tables."""
    sys.path.insert(0, scripts)
    from library import sdxl_original_unet

    with torch.device("meta"):
        unet = sdxl_original_unet.SdxlUNet2DConditionModel()
    names = [("model.diffusion_model." + name, len(t.shape)) for name, t in unet.state_dict().items()]
    first = models()["text1"].state_dict()
    names += [("conditioner.embedders.0.transformer." + name, len(t.shape)) for name, t in first.items()]
    second = "conditioner.embedders.1.model."
    names += [(second + "token_embedding.weight", 2), (second + "positional_embedding", 2), (second + "text_projection", 2)]
    names += [(second + "ln_final.weight", 1), (second + "ln_final.bias", 1)]
    for layer in range(CLIP_G["num_hidden_layers"]):
        at = f"{second}transformer.resblocks.{layer}."
        names += [(at + "attn.in_proj_weight", 2), (at + "attn.in_proj_bias", 1)]
        for inner, rank in [("ln_1", 1), ("ln_2", 1), ("attn.out_proj", 2), ("mlp.c_fc", 2), ("mlp.c_proj", 2)]:
            names += [(f"{at}{inner}.weight", rank), (f"{at}{inner}.bias", 1)]
    return unet, names


def converted(names):
    """What diffusers makes of each: [part, its name there, file's name, share of the rows or None, turned]."""
    tensors, by_index = traced(names)
    first, second = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
    found = {
        "unet": single_file_utils.convert_ldm_unet_checkpoint(dict(tensors), UNET),
        "text1": {k[len(first):]: v for k, v in tensors.items() if k.startswith(first)},
        "text2": text2(tensors, second),
    }
    return traced_rows(found, tensors, by_index)


def traced_rows(found, tensors, by_index):
    """Of {part: {name there: tensor}}, as `converted`."""
    rows = []
    for part, state in found.items():
        for name, value in state.items():
            first_value = value.flatten()[0].item()
            source = by_index[int(first_value // 100)]
            whole = tensors[source]
            turned = value.ndim == 2 and not torch.equal(value, whole) and torch.equal(value, whole.T)
            share = None if value.numel() == whole.numel() else int(first_value % 100) // value.numel()
            rows.append([part, name, source, share, turned])
    return rows


def text2(tensors, prefix):
    state = single_file_utils.convert_open_clip_checkpoint(models()["text2"], dict(tensors), prefix=prefix)
    return {k: v for k, v in state.items() if not k.endswith("position_ids")}


def modules(unet, scripts):
    from networks import lora

    both = models()
    with torch.device("meta"):
        network = lora.LoRANetwork([both["text1"], both["text2"]], unet, lora_dim=4, alpha=1)
    state = []
    for module in network.unet_loras + network.text_encoder_loras:
        state.append([module.lora_name, list(module.lora_down.weight.shape), list(module.lora_up.weight.shape)])
    return state


if __name__ == "__main__":
    scripts = sys.argv[1]
    unet, names = originals(scripts)
    rows = converted(names)
    parts = models()
    for part in ["unet", "text1", "text2"]:
        have = {name for p, name, *_ in rows if p == part}
        want = {name for name in parts[part].state_dict() if not name.endswith("position_ids")}
        if have != want:
            sys.exit(f"{part}: {sorted(have ^ want)[:6]}")
    lora = modules(unet, scripts)
    if len(lora) != 722 + 72 + 192:
        sys.exit(f"{len(lora)} modules")
    text = json.dumps({"tensors": rows, "modules": lora}, separators=(",", ":"))
    with open(PATH, "wb") as file:
        file.write(gzip.compress(text.encode(), mtime=0))
    print(f"{PATH}: {len(rows)} tensors, {len(lora)} modules, {os.path.getsize(PATH)} bytes")
