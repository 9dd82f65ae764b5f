"""Why the demo VAE trains with 32 channels at full resolution and ships with 96. A decoder ends in a GroupNorm of 32
groups; with few channels to a group it forgets how bright a plain picture is: one channel loses its mean, two keep
only a sign. Three suffice if two of them hold +K and -K: the third passes nearly unscaled. So we train 32 signal
channels with the norm that results (`SlimNorm`), at a sixth of the cost, and write them as 96 (`widened`)."""

import torch

from model import DEMO, empty, sd

K = 2.0
SLIM = dict(DEMO, vae=[32, *DEMO["vae"][1:]])
NORMS = [
    "encoder.down_blocks.0.resnets.0.norm1",
    "encoder.down_blocks.0.resnets.0.norm2",
    "encoder.down_blocks.1.resnets.0.norm1",
    "decoder.up_blocks.3.resnets.0.norm2",
    "decoder.up_blocks.3.resnets.1.norm1",
    "decoder.up_blocks.3.resnets.1.norm2",
    "decoder.conv_norm_out",
]
# Convolutions that write the full-resolution stream; those of them that are added to it must not add K again.
WRITERS = [
    "encoder.conv_in",
    "encoder.down_blocks.0.resnets.0.conv1",
    "encoder.down_blocks.0.resnets.0.conv2",
    "encoder.down_blocks.0.downsamplers.0.conv",
    "decoder.up_blocks.3.resnets.0.conv1",
    "decoder.up_blocks.3.resnets.0.conv2",
    "decoder.up_blocks.3.resnets.0.conv_shortcut",
    "decoder.up_blocks.3.resnets.1.conv1",
    "decoder.up_blocks.3.resnets.1.conv2",
]
READERS = [
    *(
        w
        for w in WRITERS
        if w
        not in (
            "encoder.conv_in",
            "decoder.up_blocks.3.resnets.0.conv1",
            "decoder.up_blocks.3.resnets.0.conv_shortcut",
        )
    ),
    "encoder.down_blocks.1.resnets.0.conv1",
    "encoder.down_blocks.1.resnets.0.conv_shortcut",
    "decoder.conv_out",
]


class SlimNorm(torch.nn.Module):
    """GroupNorm over groups (a, K, -K), only a's channel kept. [B, 32, H, W] -> the same."""

    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = torch.nn.Parameter(torch.full((channels,), (2 / 3) ** 0.5 * K))
        self.bias = torch.nn.Parameter(torch.zeros(channels))

    def forward(self, a):
        m1, m2 = a.mean((2, 3), keepdim=True), a.square().mean((2, 3), keepdim=True)
        mean = m1 / 3
        scale = ((m2 + 2 * K * K) / 3 - mean.square() + self.eps).rsqrt() * self.weight[:, None, None]
        return a * scale + (self.bias[:, None, None] - mean * scale)


def slim_vae():
    vae = empty("vae", SLIM)
    for name in NORMS:
        parent, _, leaf = name.rpartition(".")
        setattr(vae.get_submodule(parent), leaf, SlimNorm(32))
    lay_colour_path(vae)
    return vae


@torch.no_grad()
def lay_colour_path(vae):
    """A start that already knows colour: the first three latents are the mean colour of their 8x8 pixels, carried by
    three channels of every level, and the decoder paints it back. Left to itself the network spends its first
    thousand steps on brightness alone. The log-variances start low, or the latents drown in noise."""
    first, third = (
        [0, 1, 2],
        [0, 3, 6],
    )  # where 96 channels make groups of three, the colours take one group each
    linear, slope = 1.7616, 1.0908  # silu(2) and its slope there

    def carry(name, rows, columns, kernel=1.0, at=None):
        conv = vae.get_submodule(name)
        middle = conv.weight.shape[2] // 2
        for r, c in zip(rows, columns):
            conv.weight[r] = 0
            conv.bias[r] = 0
            at_rows = at or slice(middle, middle + 1)
            conv.weight[r, c, at_rows, at_rows] = kernel

    for name, module in vae.named_modules():
        if name.endswith((".conv2", "to_out.0")):
            module.weight *= 0.05
            module.bias *= 0
    carry("encoder.conv_in", first, first)
    for level in range(3):
        carry(f"encoder.down_blocks.{level}.downsamplers.0.conv", first, first, 0.25, slice(0, 2))
    carry("encoder.down_blocks.2.resnets.0.conv_shortcut", first, first)
    last = "encoder.down_blocks.3.resnets.0.conv_shortcut"
    carry(last, third, first)
    for row in third:
        vae.get_submodule(last).weight[row + 1 : row + 3] = 0
        vae.get_submodule(last).bias[row + 1 : row + 3] = torch.tensor([K, -K])
    vae.encoder.conv_norm_out.weight[third] = (2 / 3) ** 0.5 * K
    vae.encoder.conv_norm_out.bias[third] = 2.0
    carry("encoder.conv_out", first, third, 1 / slope)
    vae.encoder.conv_out.bias[first] = -linear / slope
    carry("quant_conv", first, first)
    vae.quant_conv.bias[4:] = -6
    vae.quant_conv.weight[4:] *= 0.1
    carry("post_quant_conv", first, first)
    carry("decoder.conv_in", third, first)
    carry("decoder.up_blocks.0.upsamplers.0.conv", third, third)
    carry("decoder.up_blocks.1.resnets.0.conv_shortcut", first, third)
    carry("decoder.up_blocks.1.upsamplers.0.conv", first, first)
    carry("decoder.up_blocks.2.resnets.0.conv_shortcut", first, first)
    carry("decoder.up_blocks.2.upsamplers.0.conv", first, first)
    vae.decoder.conv_norm_out.bias[first] = 2.0
    vae.decoder.conv_out.weight *= 0.1
    for c in first:
        vae.decoder.conv_out.weight[c, first] = 0
        vae.decoder.conv_out.weight[c, c, 1, 1] = 1 / slope
        vae.decoder.conv_out.bias[c] = -linear / slope


@torch.no_grad()
def widened(slim):
    """The full AutoencoderKL of DEMO that computes what the slim one does."""
    wide = sd.build(DEMO)["vae"].to_empty(device="cpu")
    old, new = slim.state_dict(), {}
    signal = torch.arange(32) * 3
    for name, shape in ((n, p.shape) for n, p in wide.state_dict().items()):
        module, _, leaf = name.rpartition(".")
        if name in old:
            value = old[name]
        else:  # 32 to 32 channels needs no shortcut, 96 to 32 does: the identity
            value = torch.eye(32)[:, :, None, None] if leaf == "weight" else torch.zeros(32)
        if module in NORMS:
            full = torch.zeros(96)
            full[signal] = value
            value = full
        if module in WRITERS:
            full = torch.zeros(96, *value.shape[1:])
            full[signal] = value
            if leaf == "bias" and not module.endswith("conv2"):
                full[signal + 1], full[signal + 2] = K, -K
            value = full
        if module in READERS and leaf == "weight":
            full = torch.zeros(value.shape[0], 96, *value.shape[2:])
            full[:, signal] = value
            value = full
        assert value.shape == shape, (name, value.shape, shape)
        new[name] = value
    wide.load_state_dict(new, strict=True)
    return wide


@torch.no_grad()
def narrowed(wide, slim):
    """The state of the slim model that `widened` would turn into this full one."""
    full, new = wide.state_dict(), {}
    signal = torch.arange(32) * 3
    for name, shape in ((n, p.shape) for n, p in slim.state_dict().items()):
        module = name.rpartition(".")[0]
        value = full[name]
        if module in NORMS or module in WRITERS:
            value = value[signal]
        if module in READERS and name.endswith("weight"):
            value = value[:, signal]
        assert value.shape == shape, (name, value.shape, shape)
        new[name] = value.clone()
    return new
