"""Stable Diffusion 2.x from diffusers' and transformers' own classes, in miniature and in full, and the names its tensors have
in a single file (Stability's layout). The small one's weights are hashes of those names, so that no file is committed."""

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from safetensors.torch import load_file
from transformers import CLIPTextModel

import lora
from make_varied import weight
from models import UNET_PREFIX, ExactTimeProjection, unet_ldm_name
from sdxl import VOCAB, fill, frozen, joined, openclip, ours, padded, text_config, text_model, vae, vae_file

TEXT_PREFIX = "cond_stage_model.model."
SCALING = 0.18215
# Channels that differ from level to level, two heads in the lowest; as many text layers as OpenCLIP's H has but for the last,
# so that the file's names are those of the real one.
TINY = dict(unet=[32, 64, 64, 128], vae=[32, 32, 32, 32], vae_layers=1, hidden=[64], text_layers=[23], vocab=VOCAB)
# Stable Diffusion 2.1 itself.
SD21 = dict(
    unet=[320, 640, 1280, 1280], vae=[128, 256, 512, 512], vae_layers=2, hidden=[1024], text_layers=[23], vocab=49408
)


def build(config=TINY):
    """{unet, vae, text1} on the meta device: shapes without weights."""
    with torch.device("meta"):
        models = dict(
            unet=UNet2DConditionModel(
                block_out_channels=config["unet"],
                layers_per_block=2,
                down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
                up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
                attention_head_dim=[max(1, width // 64) for width in config["unet"]],  # diffusers' configs mean the number of heads by this
                cross_attention_dim=config["hidden"][0],
                use_linear_projection=True,
                sample_size=96,
            ),
            vae=vae(config, SCALING),
            text1=CLIPTextModel(text_config(config, 0, "gelu", 0)),
        )
    models["unet"].time_proj = ExactTimeProjection(config["unet"][0])
    return frozen(models)


def entries(models):
    """(part, own name, name in the single file, shape there, how), as `sdxl.entries`."""
    for part, model in models.items():
        for name, tensor in model.state_dict().items():
            if name.endswith("position_ids"):
                continue
            shape = list(tensor.shape)
            how = {}
            if part == "unet":
                file = UNET_PREFIX + unet_ldm_name(name)
            elif part == "vae":
                file, shape = vae_file(name, shape)
            else:
                file, shape, how = openclip(name, shape, TEXT_PREFIX)
            yield part, name, file, shape, how


def unused(models):
    """{name in the single file: shape} of what is there and belongs to nothing: the text encoder's last layer and projection."""
    layer = f"{TEXT_PREFIX}transformer.resblocks."
    last = models["text1"].config.num_hidden_layers
    of_first = {file: shape for _, _, file, shape, _ in entries(models) if file.startswith(layer + "0.")}
    hidden = models["text1"].config.hidden_size
    return {
        **{file.replace(layer + "0.", f"{layer}{last}."): shape for file, shape in of_first.items()},
        TEXT_PREFIX + "text_projection": [hidden, hidden],
        TEXT_PREFIX + "logit_scale": [1],
    }


def single_file(models):
    """{name: fp16 tensor} of the whole model."""
    shapes = {file: shape for _, _, file, shape, _ in entries(models)} | unused(models)
    return {file: weight(file, tuple(shape)) for file, shape in shapes.items()}


def as_diffusers_reads(tensors, models):
    """{part: {own name: tensor}} by diffusers' converters of single files."""
    return dict(
        unet=convert_ldm_unet_checkpoint(dict(tensors), models["unet"].config),
        vae=convert_ldm_vae_checkpoint(dict(tensors), models["vae"].config),
        text1=convert_open_clip_checkpoint(models["text1"], dict(tensors), prefix=TEXT_PREFIX),
    )


def load(dtype=torch.float64, path=None):
    """The small models with their weights, or those of a single file of their shapes, and their names proven by diffusers'
    converters; those weights as halves, as the file has them and by their own names."""
    models = build()
    tensors = load_file(path) if path else single_file(models)
    return models, tensors, fill(models, ours(tensors, models, entries), as_diffusers_reads(tensors, models), dtype)


def encode(models, ids, chunks=1, vocab=VOCAB, clip_skip=1):
    """ids [B * chunks, 77] padded with the end token -> context [B, 75 chunks + 2, C]: the layer, through the final norm."""
    torch.set_default_dtype(torch.float64)  # older transformers make their causal mask in it
    text = models["text1"]
    states = text(input_ids=padded(ids, vocab), output_hidden_states=True).hidden_states[-clip_skip]
    states = getattr(text, "text_model", text).final_layer_norm(states)  # transformers 5 has no `text_model` in between
    torch.set_default_dtype(torch.float32)
    return joined(states, chunks)


def modules(models, parts):
    """{kohya name: module}, of the U-Net first."""
    return lora.modules(**{"unet" if part == "unet" else "text": models[part] for part in parts})
