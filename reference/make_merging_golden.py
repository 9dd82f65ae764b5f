"""What becomes of LoRAs when they are merged and resized, by others' arithmetic.

Writes golden/merging.safetensors:
- resizing (numpy, float64): `<case>.down` [r, in], `<case>.up` [out, r], `<case>.alpha`, `<case>.values` (singular values of
  alpha / r · up·down), and for each rank k `<case>.product_k` [out, in], the truncated SVD of up·down, with `<case>.kept_k`,
  the part of its Frobenius norm that is left.
- merging (diffusers: load_lora_weights, fuse_lora, float32): `fused.<name>`, weights of tiny-sd15.safetensors with
  lora_init.safetensors at 0.8 in the U-Net and 0.5 in the text encoder; <name> is diffusers' with its part before it.

Usage: python make_merging_golden.py"""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from check_lora import load_pipeline

GOLDEN = Path(__file__).parent / "golden"
# (name, out, in, rank, alpha, ranks to cut to): wide, tall, a rank above a side, one whose last values are zero
CASES = [
    ("wide", 12, 40, 8, 4.0, [1, 3, 7]),
    ("tall", 33, 9, 6, 6.0, [2, 5]),
    ("narrow", 5, 7, 11, 2.5, [1, 4]),
    ("deficient", 16, 20, 10, 1.0, [2, 4]),
]
FUSED = [
    "unet.down_blocks.0.attentions.0.proj_in",
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
    "unet.up_blocks.3.attentions.2.transformer_blocks.0.attn2.to_out.0",
    "unet.up_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj",
    "unet.up_blocks.2.attentions.1.proj_out",
    "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
    "text_encoder.text_model.encoder.layers.2.mlp.fc2",
]


def resizing():
    found = {}
    for index, (name, rows, columns, rank, alpha, cuts) in enumerate(CASES):
        random = np.random.default_rng(20261129 + index)
        down = random.standard_normal((rank, columns)) * np.logspace(0, -2, rank)[:, None]
        up = random.standard_normal((rows, rank))
        if name == "deficient":
            up[:, 4:] = up[:, :4] @ random.standard_normal((4, rank - 4))
            down[4:] = 0
        down, up = down.astype(np.float32), up.astype(np.float32)
        u, s, v = np.linalg.svd(up.astype(np.float64) @ down.astype(np.float64), full_matrices=False)
        found[f"{name}.down"], found[f"{name}.up"] = down, up
        found[f"{name}.alpha"] = np.array(alpha, np.float32)
        found[f"{name}.values"] = (s * alpha / rank).astype(np.float32)
        for k in cuts:
            found[f"{name}.product_{k}"] = ((u[:, :k] * s[:k]) @ v[:k]).astype(np.float32)
            found[f"{name}.kept_{k}"] = np.array(np.sqrt((s[:k] ** 2).sum() / (s**2).sum()), np.float32)
    return found


@torch.no_grad()
def merging():
    pipeline = load_pipeline(GOLDEN / "tiny-sd15.safetensors")
    pipeline.load_lora_weights(str(GOLDEN / "lora_init.safetensors"), adapter_name="lora")
    pipeline.set_adapters(["lora"], [{"unet": 0.8, "text_encoder": 0.5}])
    pipeline.fuse_lora(components=["unet", "text_encoder"], adapter_names=["lora"])
    pipeline.unload_lora_weights()
    parts = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
    found = {}
    for name in FUSED:
        part, path = name.split(".", 1)
        modules = dict(parts[part].named_modules())
        # transformers 5 leaves text_model. out
        module = modules.get(path) or modules[path.removeprefix("text_model.")]
        found[f"fused.{name}"] = module.weight.float().numpy()
    return found


if __name__ == "__main__":
    save_file(resizing() | merging(), GOLDEN / "merging.safetensors")
