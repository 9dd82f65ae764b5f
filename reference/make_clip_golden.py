"""What CLIP's own preprocessing and tokenizer (transformers) and the demo CLIP (onnxruntime) make of a dozen small
pictures of all shapes and of a thousand texts, for the captioner's tests: ../src/captioning/fixtures/clip_golden.zip
(pictures, their 8-bit crops, embeddings) and ../src/formats/fixtures/clip_tokens_many.json.
Usage: python make_clip_golden.py"""

import io
import json
import os
import random
import tempfile
import zipfile

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from transformers import CLIPImageProcessor, CLIPTokenizer

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
SIDE, MERGES = 128, 48894
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


def drawing(width, height, seed):
    """Discs and a slope of colour: smooth enough to stay small, busy enough to show a wrong resize or a turn."""
    rng = np.random.default_rng([20240702, seed])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    image = np.stack([255 * x / width, 255 * y / height, np.full_like(x, rng.uniform(40, 200))], -1)
    for _ in range(6):
        cx, cy, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.1, 0.35) * min(width, height)
        image[(x - cx) ** 2 + (y - cy) ** 2 < r * r] = rng.uniform(0, 255, 3)
    return Image.fromarray(image.round().astype(np.uint8))


def encoded(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def turned(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, "JPEG", quality=90, subsampling=0, exif=exif)


def pictures():
    alpha = drawing(150, 140, 7).convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize((150, 140)))
    return {
        "landscape.png": encoded(drawing(200, 140, 0), "PNG", optimize=True),
        "portrait.png": encoded(drawing(130, 190, 1), "PNG", optimize=True),
        "square.png": encoded(drawing(128, 128, 2), "PNG", optimize=True),
        "tall.png": encoded(drawing(40, 400, 3), "PNG", optimize=True),
        "wide.png": encoded(drawing(500, 61, 4), "PNG", optimize=True),
        "tiny.png": encoded(drawing(19, 13, 5), "PNG", optimize=True),
        "large.jpg": encoded(drawing(1201, 907, 6), "JPEG", quality=70, subsampling=0),
        "alpha.png": encoded(alpha, "PNG", optimize=True),
        "palette.png": encoded(drawing(160, 150, 8).quantize(32), "PNG", optimize=True),
        "grey.png": encoded(drawing(140, 170, 9).convert("L"), "PNG", optimize=True),
        "turned3.jpg": turned(drawing(180, 140, 10), 3),
        "turned6.jpg": turned(drawing(180, 140, 11), 6),
        "turned8.jpg": turned(drawing(140, 180, 12), 8),
    }


def upright_over_white(data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def picture_golden():
    processor = CLIPImageProcessor(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        do_rescale=False,
        do_normalize=False,
    )
    vision = onnxruntime.InferenceSession(os.path.join(ROOT, "public", "demo", "clip_vision.onnx"))
    out = os.path.join(ROOT, "src", "captioning", "fixtures", "clip_golden.zip")
    embeddings = {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in pictures().items():
            crop = np.asarray(processor(upright_over_white(data), return_tensors="np")["pixel_values"][0])
            crop = crop.round().astype(np.uint8)
            x = ((crop.transpose(1, 2, 0) / np.float32(255) - MEAN) / STD).transpose(2, 0, 1)[None]
            embedding = vision.run(None, {"pixel_values": np.ascontiguousarray(x, np.float32)})[0][0]
            embeddings[name] = [round(float(v), 6) for v in embedding]
            file.writestr(zipfile.ZipInfo(name), data)
            file.writestr(zipfile.ZipInfo(f"{name}.crop"), crop.tobytes(), zipfile.ZIP_DEFLATED)
        file.writestr(zipfile.ZipInfo("embeddings.json"), json.dumps(embeddings))
    print(f"{out}: {len(embeddings)} pictures, {os.path.getsize(out) / 1e3:.0f} kB")


# --- texts ---


def texts(count=1000):
    rng = random.Random(20240703)
    words = "a an the red star cat's don't it's we'll they've WOODCUT Kiko 1girl long_hair 4k 35mm f/1.8 x-ray".split()
    words += "naïve café Straße ÀÉÎ İstanbul ΣΊΣΥΦΟΣ Ωmega привет МОСКВА こんにちは カタカナ 水墨画 中国风 雪山 한국어".split()
    words += ["ไทย", "हिन्दी", "עברית", "العربية", "①②③", "½", "²", "x²", "Ⅳ", "ﬁne", "ａｂｃ", "１２３", "e\u0301", "\u212b"]
    words += ["🎨", "👩‍👩‍👧", "🇨🇳", "👍🏽", "❤️", "😀😀", "☃", "→", "…", "——", "“quoted”", "‘s", "’s", "'S", "'Ll"]
    words += ["!!", "...", "(", ")", "((a:1.2))", "[b]", "{c}", "<lora:x:0.8>", "#tag", "@me", "$5", "100%", "&amp;", "<|endoftext|>"]
    words += ["^_^", ">_<", "\\(o\\)", "a,b", "a，b", "。", "、", "C++", "U.S.A.", "e.g.", "http://x.y/z?q=1", "foo_bar-baz"]
    gaps = [" ", " ", " ", ", ", "", "  ", "\t", "\n", "\u00a0", "\u3000", "，"]
    made = set()
    while len(made) < count:
        n = rng.randint(1, 9)
        text = "".join(rng.choice(words) + rng.choice(gaps) for _ in range(n))
        if rng.random() < 0.15:
            text += "".join(chr(rng.choice([*range(0x21, 0x7F), *range(0xA1, 0x250), *range(0x4E00, 0x4F00)])) for _ in range(6))
        made.add(text)
    return sorted(made)


def tokenizer():
    """transformers' CLIPTokenizer from OpenAI's merges."""
    order = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [chr(b) for b in order]
    letters += [chr(0x100 + i) for i in range(256 - len(letters))]
    with open(os.path.join(ROOT, "public", "clip", "merges.txt"), encoding="utf-8") as file:
        merges = file.read().split("\n")[:MERGES]
    symbols = [*letters, *(letter + "</w>" for letter in letters), *("".join(m.split()) for m in merges)]
    vocabulary = {s: i for i, s in enumerate([*symbols, "<|startoftext|>", "<|endoftext|>"])}
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump(vocabulary, file)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    return CLIPTokenizer.from_pretrained(folder)


def token_golden():
    clip = tokenizer()
    rows = [[text, clip(text, add_special_tokens=False)["input_ids"]] for text in texts()]
    out = os.path.join(ROOT, "src", "formats", "fixtures", "clip_tokens_many.json")
    with open(out, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    print(f"{out}: {len(rows)} texts, {os.path.getsize(out) / 1e3:.0f} kB")


if __name__ == "__main__":
    picture_golden()
    token_golden()
