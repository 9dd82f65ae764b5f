"""Golden numbers for a model too large to commit: channels that differ from level to level, norm groups of
several channels (so that the timestep counts), two text heads, two VAE layers. Its weights need no file: each
is a hash of its name and index (golden/README.md gives the formula), so that a test makes them itself.
Writes golden/varied.json (names and shapes) and golden/varied.safetensors. Usage: python make_varied.py"""

import json
import math
import os

import numpy as np
import torch

import lora
from make_golden import GOLDEN, mse, noisy, normal, prompts, sampled, save
from models import TINY, build, encode, ldm_entries, nhwc, with_weights

VARIED = dict(unet=[64, 96, 128, 96], vae=[32, 64, 96, 64], vae_layers=2, hidden=128, text_layers=2, vocab=TINY["vocab"])
RANK, ALPHA = 4, 2


def hashed(name, count):
    """[count] numbers in [-1, 1), float64: the 32-bit finaliser of MurmurHash3 over FNV-1a of the name plus
    index times 0x9E3779B9."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h.astype(np.float64) / 2**31 - 1


def weight(name, shape):
    """A base weight, fp16 (rounded to float32 first)."""
    u = hashed(name, math.prod(shape))
    if name.endswith("token_embedding.weight"):
        u *= 1.2
    elif name.endswith("position_embedding.weight"):
        u *= 0.5
    elif name.endswith(".bias"):
        u *= 0.2
    elif len(shape) == 1:
        u = 1 + 0.3 * u
    else:
        u *= math.sqrt(3 / math.prod(shape[1:]))
    return torch.from_numpy(u.astype(np.float32).astype(np.float16)).reshape(shape)


def lora_weights(found):
    """Kohya tensors, float32: down u/sqrt(fan in), up 0.3 u."""
    tensors = {}
    for name, module in found.items():
        out_size, in_size = module.weight.shape[:2]
        tail = tuple(module.weight.shape[2:])
        for key, shape, factor in (
            (name + ".lora_down.weight", (RANK, in_size, *tail), 1 / math.sqrt(in_size)),
            (name + ".lora_up.weight", (out_size, RANK, *tail), 0.3),
        ):
            values = (hashed(key, math.prod(shape)) * factor).astype(np.float32)
            tensors[key] = torch.from_numpy(values).reshape(shape)
        tensors[name + ".alpha"] = torch.tensor(float(ALPHA))
    return tensors


def main():
    models = with_weights(VARIED, weight, torch.float64)
    unet, vae, text = models["unet"], models["vae"], models["text"]
    found = lora.modules(unet, text)
    start = lora_weights(found)
    with open(os.path.join(GOLDEN, "varied.json"), "w") as file:
        shapes = {ldm: list(shape) for ldm, shape, _, _ in ldm_entries(build(VARIED))}
        loras = {name: list(t.shape) for name, t in start.items() if not name.endswith(".alpha")}
        json.dump({"rank": RANK, "alpha": ALPHA, "tensors": shapes, "lora": loras}, file, separators=(",", ":"))

    ids, t = prompts(2, 81), torch.tensor([37, 640])
    image, latent = normal((1, 3, 48, 64), 82, 0.4).clamp(-1, 1), normal((1, 4, 6, 8), 83, 0.9)
    x0, noise = normal((2, 4, 16, 24), 84, 0.9), normal((2, 4, 16, 24), 85)
    noised = noisy(x0.double(), noise.double(), t)
    context = encode(text, ids)
    tensors = {
        "ids": ids.int(),
        "context": context,
        "image_nhwc": nhwc(image),
        "mean_nhwc": nhwc(vae.encode(image.double()).latent_dist.mean),
        "latent_nhwc": nhwc(latent),
        "decoded_nhwc": nhwc(vae.decode(latent.double() / 0.18215).sample),
        "x0_nhwc": nhwc(x0),
        "noise_nhwc": nhwc(noise),
        "timesteps": t.int(),
        "noisy_nhwc": nhwc(noised),
        "out_nhwc": nhwc(unet(noised, t, context).sample),
        "other_timesteps": torch.tensor([810, 2]).int(),
        "out_other_timesteps_nhwc": nhwc(unet(noised, torch.tensor([810, 2]), context).sample),
    }
    adapter = lora.Adapter(found, start)
    states = encode(text, ids)
    states.retain_grad()
    pred = unet(noised, t, states).sample
    loss = mse(pred, noise.double()).mean()
    loss.backward()
    tensors |= {
        "lora_context": states,
        "lora_context_grad": states.grad,
        "lora_out_nhwc": nhwc(pred),
        "loss": loss[None],
    }
    for name, gradient in adapter.gradients().items():
        if name.startswith("lora_te_") or sampled(name):
            tensors["grad/" + name] = gradient
    save("varied.safetensors", tensors)
    effect = tensors["out_nhwc"] - tensors["out_other_timesteps_nhwc"]
    for key in ("context", "mean_nhwc", "decoded_nhwc", "out_nhwc", "lora_out_nhwc", "loss", "lora_context_grad"):
        print(key, tensors[key].std().item() if tensors[key].numel() > 1 else tensors[key].item())
    print("effect of the timestep", effect.std().item())
    norms = sorted(g.norm().item() for g in adapter.gradients().values())
    print("gradient norms", norms[0], norms[len(norms) // 2], norms[-1])


if __name__ == "__main__":
    main()
