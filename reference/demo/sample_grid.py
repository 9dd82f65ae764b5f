"""The README's grid: what the demo model draws of five prompts by itself, with the style LoRA at rising strength, and with
both LoRAs together. Usage: python sample_grid.py --style FILE --character FILE [--out ../../docs/shots/demo_grid.webp]
Rows have their own seed in each column, the same down the column."""

import os

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from attention import quick
from contact_sheet import grid
from figures import load_base, merged, undo
from model import ROOT, decoded, sample
from runs import arguments
from unseen import STYLE_TAIL

PROMPTS = [
    "a red star on a light blue background",
    "a yellow house on a dark green background",
    "two white fish on a blue background",
    "a large purple heart on a light yellow background",
    "an orange moon on a black background, top left",
]
KIKO = [
    "kiko on a light blue background",
    "kiko waving, dark green background",
    "kiko jumping on a blue background",
    "kiko with both arms up on a light yellow background",
    "kiko on a light grey background",
]
MARGIN, SIDE, GAP = 132, 128, 4


def labelled(images, labels):
    sheet = grid(images, len(PROMPTS), GAP)
    page = Image.new("RGB", (MARGIN + sheet.shape[1], sheet.shape[0]), "white")
    page.paste(Image.fromarray(sheet), (MARGIN, 0))
    draw = ImageDraw.Draw(page)
    for row, label in enumerate(labels):
        draw.text((8, row * (SIDE + GAP) + SIDE // 2), label, fill="black", anchor="lm", font=ImageFont.load_default(15))
    return page


def main():
    demo = os.path.join(ROOT, "public", "demo")
    out = os.path.join(ROOT, "docs", "shots", "demo_grid.webp")
    args = arguments(0, base=os.path.join(demo, "base.safetensors"), style="", character="", out=out, sampler_steps=25)
    unet, text, vae = load_base(args.base)
    styled = [p + STYLE_TAIL for p in PROMPTS]
    rows = [
        ("base model", PROMPTS, []),
        ("style at 0", styled, []),
        ("style at 0.4", styled, [(args.style, 0.4)]),
        ("style at 0.8", styled, [(args.style, 0.8)]),
        ("style at 1.2", styled, [(args.style, 1.2)]),
        ("character at 1", KIKO, [(args.character, 1.0)]),
        ("style 0.8 and\ncharacter 1", [k + STYLE_TAIL for k in KIKO], [(args.style, 0.8), (args.character, 1.0)]),
    ]
    images = []
    with quick(), torch.no_grad():
        for _, prompts, loras in rows:
            kept = [merged(unet, text, path, weight) for path, weight in loras]
            images += list(decoded(vae, sample(unet, text, prompts, seed=7, steps=args.sampler_steps)))
            for weights in reversed(kept):
                undo(weights)
    labelled([np.asarray(i) for i in images], [label for label, _, _ in rows]).save(args.out, quality=90)
    print(args.out)


if __name__ == "__main__":
    main()
