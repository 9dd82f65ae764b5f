"""Do prompts work? Samples single things, reads shape and colour back with the classifier, prints how often they
are what the prompt said. Usage: python evaluate.py [--count 240] [--size 128] [--checkpoint FILE.safetensors]
(without a checkpoint: WORK's latest). Target: at least 0.85 for `both`."""

import json
import os

import numpy as np
import torch
from PIL import Image

from contact_sheet import grid
from model import decoded, sample, sd
from runs import arguments
from shapes import SHAPES
from slim import slim_vae
from train_base import load_base
from train_classifier import load_reader, read
from world import COLOURS, CONTRAST, distance


def prompts(count, seed=20240607):
    """(prompt, shape, colour): every pair of shape and colour about equally often, grounds that show it."""
    rng = np.random.default_rng(seed)
    pairs = [(s, c) for s in SHAPES for c in COLOURS]
    out = []
    for i in rng.permutation(max(count, len(pairs)))[:count] % len(pairs):
        shape, colour = pairs[i]
        grounds = [
            g
            for g in ("white", "black", "light blue", "dark blue", "yellow", "green", "light grey")
            if distance(g, colour) > CONTRAST
        ]
        article = "an" if colour[0] in "aeiou" else "a"
        out.append((f"{article} {colour} {shape} on a {rng.choice(grounds)} background", shape, colour))
    return out


def accuracy(reader, images, wanted):
    """Shares of right shapes, colours, and both."""
    found = read(reader, images)
    shape = np.array([f == w[1] for f, w in zip(found["shape"], wanted)])
    colour = np.array([f == w[2] for f, w in zip(found["colour"], wanted)])
    return {"shape": shape.mean(), "colour": colour.mean(), "both": (shape & colour).mean()}


def main():
    args = arguments(0, count=240, size=128, guidance=4.0, sampler_steps=25, checkpoint="")
    if args.checkpoint:
        models = sd.load_single_file(args.checkpoint, torch.float32, exact_time=False)
        unet, text, vae = models["unet"], models["text"], models["vae"]
    else:
        unet, text = load_base(args.work)
        vae = slim_vae()
        vae.load_state_dict(torch.load(os.path.join(args.work, "vae_slim.pt"), weights_only=True))
    wanted, images = prompts(args.count), []
    for i in range(0, args.count, 24):
        latents = sample(
            unet, text, [w[0] for w in wanted[i : i + 24]], i, args.sampler_steps, args.guidance, args.size
        )
        images.append(decoded(vae.eval(), latents))
    images = np.concatenate(images)
    figures = accuracy(load_reader(), images, wanted)
    Image.fromarray(grid(list(images[:48]), 12)).save(os.path.join(args.work, f"evaluate{args.size}.png"))
    print(json.dumps({k: round(float(v), 4) for k, v in figures.items()}))


if __name__ == "__main__":
    main()
