"""Writes the two demo training sets, 30 pictures each with a metadata.csv as lora-scripts writes it: `woodcut`, a
style, and `kiko`, a figure. The base model has seen neither. Usage: python make_sets.py [--out ../../public/demo]
(`held_out` gives further pictures of both, for the measurements)."""

import argparse
import hashlib
import json
import os

from PIL import Image

from unseen import STYLE_TAIL, figure, figure_caption, woodcut
from world import picture

COUNT = 30
SETS = {"woodcut": 50_000_000, "kiko": 52_000_000}
# What the studio shows of them.
ABOUT = {
    "woodcut": {
        "name": {"en": "Woodcut, a style", "zh": "木刻画风"},
        "purpose": "style",
        "trigger": "woodcut style",
    },
    "kiko": {
        "name": {"en": "Kiko, a character", "zh": "角色 Kiko"},
        "purpose": "character",
        "trigger": "kiko",
    },
}
# Opened in the studio, these come without their caption, so that someone new meets the captioner.
UNCAPTIONED = ["img04.png", "img11.png", "img19.png", "img26.png"]
HELD_OUT = 1_000_000  # after a set's first seed


def member(name, seed):
    """(image uint8 [128, 128, 3], caption) of one of the sets."""
    if name == "woodcut":
        image, text, _ = picture(seed, style=woodcut)
        return image, text + STYLE_TAIL
    image, _, facts = picture(seed, character=figure)
    return image, figure_caption(facts, seed)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def held_out(name, count):
    return [member(name, SETS[name] + HELD_OUT + i) for i in range(count)]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(here, "..", "..", "public", "demo"))
    out = parser.parse_args().out
    for name, seed in SETS.items():
        os.makedirs(os.path.join(out, name), exist_ok=True)
        rows = []
        for i in range(COUNT):
            image, text = member(name, seed + i)
            file = f"img{i + 1:02d}.png"
            # As many colours as these drawings show, at a third of the bytes.
            small = Image.fromarray(image).quantize(48, dither=Image.Dither.NONE)
            small.save(os.path.join(out, name, file), optimize=True)
            rows.append(f'{file},"{text}"\n')
        with open(os.path.join(out, name, "metadata.csv"), "w", newline="") as file:
            file.writelines(rows)
        size = sum(e.stat().st_size for e in os.scandir(os.path.join(out, name)))
        print(f"{name}: {COUNT} pictures, {size / 1e6:.2f} MB")
    pictures = [f"img{i + 1:02d}.png" for i in range(COUNT)]
    sets = {
        name: about
        | {
            "files": [*pictures, "metadata.csv"],
            "uncaptioned": UNCAPTIONED,
            # By these the studio knows the pictures that its own small CLIP knows.
            "sha256": [sha256(os.path.join(out, name, picture)) for picture in pictures],
        }
        for name, about in ABOUT.items()
    }
    with open(os.path.join(out, "sets.json"), "w", encoding="utf-8") as file:
        json.dump(sets, file, ensure_ascii=False, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
