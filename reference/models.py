"""Stable Diffusion 1.x models from diffusers and transformers, and the names their tensors have in a
single-file (LDM) checkpoint. Shared by the scripts of this folder."""

import hashlib
import math
import re

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
TEXT_PREFIX = "cond_stage_model.transformer.text_model."

# The tiny model. Multiples of 32 (32 norm groups); under 4 MB in all, so that it can be committed.
TINY = dict(
    unet=[32, 32, 32, 32],
    vae=[32, 64, 32, 32],
    vae_layers=1,
    hidden=64,
    text_layers=3,
    vocab=1024,
)
# Stable Diffusion 1.5 itself.
SD15 = dict(
    unet=[320, 640, 1280, 1280],
    vae=[128, 256, 512, 512],
    vae_layers=2,
    hidden=768,
    text_layers=12,
    vocab=49408,
)


class ExactTimeProjection(torch.nn.Module):
    """Sinusoidal timestep features [B] -> [B, channels], cosines first. diffusers computes them in float32,
    where the phase of t=999 is off by 3e-5; here they are as exact as the timesteps' dtype float64."""

    def __init__(self, channels):
        super().__init__()
        half = channels // 2
        self.frequencies = [math.exp(-math.log(10000) * i / half) for i in range(half)]

    def forward(self, timesteps):
        phase = timesteps.double()[:, None] * torch.tensor(self.frequencies, dtype=torch.float64)
        return torch.cat([phase.cos(), phase.sin()], dim=-1)


def build(config, exact_time=True):
    """The three models of a configuration, on the meta device (shapes without weights): dict unet, vae, text."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=config["unet"],
            layers_per_block=2,
            cross_attention_dim=config["hidden"],
            attention_head_dim=8,  # diffusers' SD 1.x configs mean eight heads by this
            norm_num_groups=32,
        )
        vae = AutoencoderKL(
            block_out_channels=config["vae"],
            layers_per_block=config["vae_layers"],
            latent_channels=4,
            norm_num_groups=32,
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            scaling_factor=0.18215,
        )
        text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=config["vocab"],
                hidden_size=config["hidden"],
                intermediate_size=4 * config["hidden"],
                num_hidden_layers=config["text_layers"],
                num_attention_heads=max(1, config["hidden"] // 64),
                max_position_embeddings=77,
                hidden_act="quick_gelu",
                bos_token_id=config["vocab"] - 2,
                eos_token_id=config["vocab"] - 1,
                attn_implementation="sdpa",
            )
        )
    if exact_time:
        unet.time_proj = ExactTimeProjection(config["unet"][0])
    models = dict(unet=unet, vae=vae, text=text)
    for model in models.values():
        model.eval()
        model.requires_grad_(False)
    return models


UNET_TOP = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def unet_ldm_name(name):
    """`down_blocks.0.resnets.0.conv1.weight` -> `input_blocks.1.0.in_layers.2.weight` (SD 1.x, three
    entries a level: two pairs of ResNet and transformer, then the down- or upsampler)."""
    stem, leaf = name.rsplit(".", 1)
    if stem in UNET_TOP:
        return f"{UNET_TOP[stem]}.{leaf}"
    match = re.match(r"(down|up|mid)_blocks?\.(.*)", stem)
    side, rest = match.groups()
    if side == "mid":
        kind, index, inner = rest.split(".", 2)
        level = None
    else:
        level, kind, index, inner = rest.split(".", 3)
        level = int(level)
    index = int(index)
    if kind == "resnets":
        inner = UNET_RESNET[inner]
    if side == "mid":
        place = {"resnets": 2 * index, "attentions": 1}[kind]
        return f"middle_block.{place}.{inner}.{leaf}"
    slot = {"resnets": 0, "attentions": 1}.get(kind)
    if side == "down":
        if kind == "downsamplers":
            return f"input_blocks.{3 * level + 3}.0.op.{leaf}"
        return f"input_blocks.{3 * level + 1 + index}.{slot}.{inner}.{leaf}"
    if kind == "upsamplers":
        slot = 1 if level == 0 else 2  # the lowest level has no transformer before its upsampler
        return f"output_blocks.{3 * level + 2}.{slot}.conv.{leaf}"
    return f"output_blocks.{3 * level + index}.{slot}.{inner}.{leaf}"


def vae_ldm_name(name):
    """`decoder.up_blocks.0.resnets.1.conv1.weight` -> `decoder.up.3.block.1.conv1.weight`."""
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    match = re.match(r"(\w+)\.mid_block\.attentions\.0\.(.*)\.(\w+)$", name)
    if match:
        return f"{match[1]}.mid.attn_1.{VAE_ATTENTION[match[2]]}.{match[3]}"
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)


def ldm_entries(models):
    """(LDM name, LDM shape, model key, own name) for every parameter; VAE attention is stored as 1x1 convs."""
    for key, prefix, rename in (
        ("unet", UNET_PREFIX, unet_ldm_name),
        ("vae", VAE_PREFIX, vae_ldm_name),
        ("text", TEXT_PREFIX, lambda name: name),
    ):
        for name, tensor in models[key].state_dict().items():
            name = name.removeprefix("text_model.")
            shape = tuple(tensor.shape)
            ldm = rename(name)
            if key == "vae" and ".attn_1." in ldm and len(shape) == 2:
                shape = (*shape, 1, 1)
            yield prefix + ldm, shape, key, name


def random_tensor(ldm_name, shape, seed):
    """Seeded by name, so independent of order. Scaled to keep activations O(1); norms and biases are
    random too, so that a forgotten or swapped one shows."""
    digest = hashlib.sha256(f"{seed}:{ldm_name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
    noise = torch.randn(shape, generator=generator)
    if ldm_name.endswith("token_embedding.weight"):
        return 0.7 * noise
    if ldm_name.endswith("position_embedding.weight"):
        return 0.3 * noise
    if ldm_name.endswith(".bias"):
        return 0.1 * noise
    if len(shape) == 1:
        return 1 + 0.2 * noise
    fan_in = math.prod(shape[1:])
    return gain(ldm_name) * noise / math.sqrt(fan_in)


def gain(ldm_name):
    """Above 1 where the input is a SiLU's (its mean square is about 0.36) or sharp attention is wanted,
    below 1 where a branch joins the residual stream (which would grow with depth) and at the outputs."""
    if ".emb_layers." in ldm_name or ldm_name.endswith("out.2.weight"):
        return 1.3
    if ".to_q." in ldm_name or ".to_k." in ldm_name or ".q_proj." in ldm_name or ".k_proj." in ldm_name:
        return 1.3
    if ".out_layers.3." in ldm_name or ".to_out.0." in ldm_name or ".ff.net.2." in ldm_name:
        return 0.8
    if "conv2.weight" in ldm_name or ".out_proj." in ldm_name or ".fc2." in ldm_name:
        return 0.8
    if ldm_name.endswith("encoder.conv_out.weight"):
        return 1.0
    if ldm_name.endswith("decoder.conv_out.weight"):
        return 0.5
    return 1.0


def infer(path):
    """The configuration of a single-file checkpoint, from its tensors' names and shapes."""
    with safe_open(path, "pt") as file:
        names = set(file.keys())

        def size(name):
            return file.get_slice(name).get_shape()[0]

        def count(pattern):
            n = 0
            while pattern.format(n) in names:
                n += 1
            return n

        encoder = VAE_PREFIX + "encoder.down."
        return dict(
            unet=[size(f"{UNET_PREFIX}input_blocks.{1 + 3 * i}.0.in_layers.2.weight") for i in range(4)],
            vae=[size(f"{encoder}{i}.block.0.conv1.weight") for i in range(4)],
            vae_layers=count(encoder + "0.block.{}.conv1.weight"),
            hidden=file.get_slice(TEXT_PREFIX + "embeddings.token_embedding.weight").get_shape()[1],
            text_layers=count(TEXT_PREFIX + "encoder.layers.{}.mlp.fc1.weight"),
            vocab=size(TEXT_PREFIX + "embeddings.token_embedding.weight"),
        )


def load_single_file(path, dtype=torch.float64, exact_time=True, models=("unet", "vae", "text")):
    """Models of a single-file checkpoint, its fp16 numbers taken to `dtype`, one tensor at a time."""
    with safe_open(path, "pt") as file:
        return with_weights(infer(path), lambda ldm, _shape: file.get_tensor(ldm), dtype, exact_time, models)


def with_weights(config, tensor_of, dtype, exact_time=True, models=("unet", "vae", "text")):
    """Models whose weights come from tensor_of(LDM name, LDM shape)."""
    built = build(config, exact_time)
    states = {key: {} for key in models}
    for ldm, shape, key, name in ldm_entries(built):
        if key in models:
            target = built[key].get_parameter(name).shape
            states[key][name] = tensor_of(ldm, shape).reshape(target).to(dtype)
    for key in models:
        built[key].load_state_dict(states[key], strict=True, assign=True)
        built[key].requires_grad_(False)
    if "text" in models:  # a buffer outside the checkpoint, still on the meta device
        built["text"].embeddings.position_ids = torch.arange(77)[None]
    return {key: built[key] for key in models}


def encode(text, ids, clip_skip=1):
    """Token ids [B, 77] -> hidden states [B, 77, H], final layer norm applied at every clip skip."""
    out = text(input_ids=ids, output_hidden_states=True)
    return text.final_layer_norm(out.hidden_states[-clip_skip])


def encode_long(text, ids, clip_skip=1):
    """Ids [B, 2+75n] (BOS, 75n tokens, EOS) -> [B, 2+75n, H]: each 75 in a frame of BOS and EOS of its own;
    the first chunk's BOS state and the last chunk's EOS state frame the result."""
    bos, eos = ids[:, :1], ids[:, -1:]
    states = [
        encode(text, torch.cat([bos, ids[:, i : i + 75], eos], 1), clip_skip)
        for i in range(1, ids.shape[1] - 1, 75)
    ]
    return torch.cat([states[0][:, :1], *[s[:, 1:-1] for s in states], states[-1][:, -1:]], 1)


def alphas_cumprod():
    """SD 1.x's scaled-linear schedule in float64: [1000]."""
    i = torch.arange(1000, dtype=torch.float64)
    a, b = math.sqrt(0.00085), math.sqrt(0.012)
    return torch.cumprod(1 - (a + (b - a) * i / 999) ** 2, 0)


def nhwc(x):
    return x.permute(0, 2, 3, 1).contiguous()


def nchw(x):
    return x.permute(0, 3, 1, 2).contiguous()
