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
    *(w for w in WRITERS if w not in ("encoder.conv_in", "decoder.up_blocks.3.resnets.0.conv1", "decoder.up_blocks.3.resnets.0.conv_shortcut")),
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
    with torch.no_grad():  # start with little noise in the latents, or three of four channels drown in it
        vae.quant_conv.bias[4:] = -6
        vae.quant_conv.weight[4:] *= 0.1
    return vae


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
