"""A grid of the world's pictures, captions printed. Usage: python contact_sheet.py OUT.png [--seed 0] [--rows 6]
[--columns 8] [--style] [--character] [--size 128]"""

import argparse

import numpy as np
from PIL import Image

from unseen import STYLE_TAIL, figure, figure_caption, woodcut
from world import picture


def grid(images, columns, gap=4):
    """uint8 [H, W, 3] each -> one image."""
    h, w = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), 255, np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * (h + gap), i % columns * (w + gap)
        sheet[y : y + h, x : x + w] = image
    return sheet


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    for name, value in (("seed", 0), ("rows", 6), ("columns", 8), ("size", 128)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--style", action="store_true")
    parser.add_argument("--character", action="store_true")
    args = parser.parse_args()
    images = []
    for seed in range(args.seed, args.seed + args.rows * args.columns):
        image, text, facts = picture(
            seed, args.size, woodcut if args.style else None, figure if args.character else None
        )
        if args.character:
            text = figure_caption(facts, seed)
        images.append(image)
        print(seed, text + (STYLE_TAIL if args.style else ""))
    Image.fromarray(grid(images, args.columns)).save(args.out)


if __name__ == "__main__":
    main()
