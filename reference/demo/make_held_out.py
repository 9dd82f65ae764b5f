"""Writes the 200 held-out pictures on which the captioner's proposals are measured, with what they show: a zip of
small PNGs and facts.json. 120 of the world, 40 woodcuts, 40 of Kiko, none seen in any training. The margins in
src/captioning are tuned on `--tuning` pictures, which are others.
Usage: python make_held_out.py [--tuning OUT.zip]"""

import argparse
import io
import json
import os
import zipfile

from PIL import Image

from make_sets import HELD_OUT, SETS
from model import ROOT
from clip_lessons import answers, said
from unseen import figure, woodcut
from world import picture

KINDS = {"world": (120, 70_000_000, {}), "woodcut": (40, SETS["woodcut"] + HELD_OUT, {"style": woodcut}),
         "kiko": (40, SETS["kiko"] + HELD_OUT, {"character": figure})}
TUNING = {"world": 71_000_000, "woodcut": SETS["woodcut"] + HELD_OUT + 500_000, "kiko": SETS["kiko"] + HELD_OUT + 500_000}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tuning")
    args = parser.parse_args()
    out = args.tuning or os.path.join(ROOT, "tools", "fixtures", "held_out.zip")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    rows = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for kind, (count, first, hooks) in KINDS.items():
            for i in range(count):
                image, _, facts = picture((TUNING[kind] if args.tuning else first) + i, **hooks)
                small = Image.fromarray(image).quantize(48, dither=Image.Dither.NONE)
                data = io.BytesIO()
                small.save(data, "PNG", optimize=True)
                name = f"{kind}{i:03d}.png"
                # A fixed date, so that the file comes out the same every time.
                file.writestr(zipfile.ZipInfo(name), data.getvalue())
                true = {question: sorted(found) for question, found in answers(facts).items()}
                rows.append({"name": name, "caption": said(facts, i)} | true)
        file.writestr(zipfile.ZipInfo("facts.json"), json.dumps(rows))
    print(f"{out}: {len(rows)} pictures, {os.path.getsize(out) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
