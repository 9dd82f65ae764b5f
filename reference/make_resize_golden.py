"""What Pillow and OpenCV make of pictures at other sizes, to the bit.

Writes ../src/formats/fixtures/pillow.json (Image.resize with BICUBIC and LANCZOS) and ../src/training/fixtures/resize.json
(as sd-scripts since v0.9.0 scales a picture into its bucket: cv2's INTER_AREA where neither side grows, else Pillow's
LANCZOS; its library/utils.py). Pictures are noise, with edges from 0 to 255, which is where a resizer over- and undershoots.
Pillow 11, as sd-scripts was used with: 13 does the vertical pass first where the height shrinks and the width grows.
"""

import base64
import json
from pathlib import Path

import cv2
import numpy as np
import PIL
from PIL import Image

SRC = Path(__file__).parent.parent / "src"
BICUBIC, LANCZOS = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS

# (from, to): widths before heights
UP = [((7, 5), (16, 11)), ((12, 9), (13, 10)), ((16, 12), (43, 32)), ((3, 20), (9, 60)), ((1, 1), (5, 4)), ((21, 13), (22, 40))]
MIXED = [((20, 30), (33, 21)), ((9, 40), (10, 13)), ((16, 16), (16, 30))]
DOWN = [((7, 5), (4, 3)), ((12, 9), (8, 6)), ((40, 30), (20, 15)), ((40, 29), (17, 13)), ((48, 32), (16, 32)), ((40, 40), (7, 9)), ((33, 33), (32, 33)), ((36, 36), (12, 9)), ((40, 9), (17, 9))]


def picture(size: tuple[int, int], seed: int) -> np.ndarray:
    """[height, width, 3], 8 bits."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    edges = rng.integers(0, 2, (size[1], size[0], 1), dtype=np.uint8) * 255
    return np.where(rng.random((size[1], size[0], 1)) < 0.5, noise, edges).astype(np.uint8)


def packed(pixels: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()


def pillow(pixels: np.ndarray, to: tuple[int, int], how: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize(to, resample=how))


def sd_scripts(pixels: np.ndarray, to: tuple[int, int]) -> np.ndarray:
    height, width = pixels.shape[:2]
    if width >= to[0] and height >= to[1]:
        return cv2.resize(pixels, to, interpolation=cv2.INTER_AREA)
    return pillow(pixels, to, LANCZOS)


def write(name: str, how: str, cases: list[dict]) -> None:
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    path = SRC / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{{\n  "how": {json.dumps(how)},\n  "cases": [\n{lines}\n  ]\n}}\n')


def main() -> None:
    of = f"Pillow {PIL.__version__}"
    cases = []
    for seed, (size, to) in enumerate(UP + MIXED + DOWN):
        pixels = picture(size, seed)
        for name, how in (("bicubic", BICUBIC), ("lanczos", LANCZOS)):
            expected = packed(pillow(pixels, to, how))
            cases.append({"filter": name, "from": size, "to": to, "rgb": packed(pixels), "expected": expected})
    write("formats/fixtures/pillow.json", f"reference/make_resize_golden.py, {of}", cases)

    cases = []
    for seed, (size, to) in enumerate(UP + MIXED + DOWN, start=100):
        pixels = picture(size, seed)
        cases.append({"from": size, "to": to, "rgb": packed(pixels), "expected": packed(sd_scripts(pixels, to))})
    write("training/fixtures/resize.json", f"reference/make_resize_golden.py, {of}, OpenCV {cv2.__version__}", cases)


if __name__ == "__main__":
    main()
