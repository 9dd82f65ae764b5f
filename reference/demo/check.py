"""Checks of the demo's Python that need no training and a few seconds: captions are read back by a parser of their
own and compared with the facts and with the pixels; all prompts fit CLIP's 77 tokens and our tokens are
transformers'; an untrained model survives export and diffusers' single-file readers; the VAE's wide form computes
what its slim form does. Usage: python check.py"""

import os
import re
import tempfile

import numpy as np
import torch
from transformers import CLIPTokenizer

import model
from captions import CORNERS, RELATIONS, SIDES, SIZE_WORDS
from export import verify, write
from make_sets import SETS, held_out, member
from model import DEMO, ROOT, empty, millions, sd, tokenize, tokens
from runs import Run  # noqa: F401  (imported to fail here if it cannot be)
from shapes import SHAPES, Tile
from slim import slim_vae, widened
from unseen import STYLE_TAIL, figure, woodcut
from world import PLACES, RGB, TEXTURES, distance, picture, rgb

TONES = "light|dark"
NAME = f"(?:(?:{TONES}) )?(?:{'|'.join(RGB)})"
TEXTURE = {"striped": "striped", "dotted": "dotted", "spotted": "dotted", "outlined": "outlined"}


def read(text):
    """What a caption claims: {things: [...], background, background_colours, relation, place}. None: not said."""
    claims = {"place": "", "relation": "", "background": None}
    text = re.sub(r"^(a picture of|a drawing of|an image of) ", "", text)
    ground = re.search(rf"(?:an? )?({NAME}) to ({NAME}) gradient(?: background)?", text)
    if ground:
        claims |= {"background": "gradient", "background_colours": [ground[1], ground[2]]}
    else:
        ground = re.search(rf"(?:an? )?(striped |dotted )?({NAME}) (striped |dotted )?background", text)
        if ground:
            kind = (ground[1] or ground[3] or "plain").strip()
            claims |= {
                "background": {"striped": "stripes", "dotted": "dots"}.get(kind, kind),
                "background_colours": [ground[2]],
            }
    if ground:
        text = (text[: ground.start()] + " | " + text[ground.end() :]).replace(" on  |", " |")
    for relation, ways in RELATIONS.items():
        for way in sorted(ways, key=len, reverse=True):
            if re.search(rf"\b(?:{'|'.join(SHAPES)}) {way} (?:an?|one) ", text):
                claims["relation"] = relation
    claims["things"] = [
        thing(words, noun, plural)
        for words, noun, plural in re.findall(
            rf"((?:\w+ )*?)(?:crescent )?({'|'.join(SHAPES)})(e?s)?\b", text
        )
    ]
    tail = re.sub(rf".*\b(?:{'|'.join(SHAPES)})(?:es|s)?\b", "", text)
    if not claims["relation"]:
        for place in sorted(list(PLACES)[1:], key=len, reverse=True):
            if re.search(rf"\b{place}\b", tail):
                claims["place"] = place
                break
    return claims


def thing(words, noun, plural):
    words = words.split()
    count = {"two": 2, "three": 3}.get(next((w for w in words if w in ("two", "three")), ""), 1)
    size = next((s for s, ways in SIZE_WORDS.items() for w in words if w in ways), "")
    texture = next((TEXTURE[w] for w in words if w in TEXTURE), "solid")
    colours = [w for w in words if w in RGB]
    assert len(colours) == 1, f"{words} {noun}: not one colour"
    assert (count > 1) == bool(plural) or noun == "fish", f"{words} {noun}{plural}: number"
    return {"shape": noun, "colour": colours[0], "count": count, "size": size, "texture": texture}


def check_captions(count=50):
    said = 0
    for seed in range(count):
        image, text, facts = picture(seed)
        claims = read(text)
        if claims["background"]:
            assert claims["background"] == facts.background, (text, facts)
            assert claims["background_colours"] == facts.background_colours, (text, facts)
        assert len(claims["things"]) == len(facts.things), (text, facts, claims)
        for claim, fact in zip(claims["things"], facts.things):
            for key, value in claim.items():
                assert value == getattr(fact, key), (text, key, value, fact)
                said += 1
        assert claims["relation"] in ("", facts.relation), (text, facts)
        if claims["place"]:
            assert claims["place"] == facts.things[0].place, (text, facts)
        check_pixels(image, text, facts)
    print(f"captions: {count} read back, {said} claims about things all true, in facts and pixels")


def check_pixels(image, text, facts):
    """Where a thing is solid, its colour is there; positions agree with relation and place."""
    side = len(image)
    for thing in facts.things:
        assert len(thing.spots) == thing.count, text
        for x, y in thing.spots:
            if thing.texture != "solid":
                continue
            tile = Tile((x * side, y * side), thing.radius * side, side)
            parts = SHAPES[thing.shape]
            mask = np.asarray(tile.mask(parts, ("add",), thing.angle).reduce(4))
            mask = (mask > 250) & (np.asarray(tile.mask(parts, ("detail",), thing.angle).reduce(4)) == 0)
            window = image[tile.y0 : tile.y1, tile.x0 : tile.x1][: mask.shape[0], : mask.shape[1]]
            # later things may lie over earlier ones, so the median counts
            seen = np.median(window[mask[: window.shape[0], : window.shape[1]]] / 255, axis=0)
            assert np.abs(seen - rgb(thing.colour)).max() < 0.12, (text, thing.colour, seen)
        x, y = np.mean(thing.spots, axis=0) - 0.5
        px, py = PLACES[thing.place]
        if thing.place:
            assert (px == 0 or np.sign(x) == px) and (py == 0 or np.sign(y) == py), (text, x, y)
    if facts.relation:
        (ax, ay), (bx, by) = (t.spots[0] for t in facts.things)
        ok = {"left of": ax < bx, "right of": ax > bx, "above": ay < by, "below": ay > by}[facts.relation]
        assert ok, (text, facts)


def check_tokens(count=400):
    with open(os.path.join(ROOT, "public", "clip", "merges.txt"), encoding="utf-8") as file:
        merges = [tuple(next(file).split()) for _ in range(model.MERGES)]
    _, ids, _ = model._vocabulary()
    vocabulary = {**ids, "<|startoftext|>": model.BOS, "<|endoftext|>": model.EOS}
    theirs = CLIPTokenizer(vocab=vocabulary, merges=merges)
    longest = 0
    for seed in range(count):
        text = picture(seed, 8)[1] if seed % 2 else member("kiko" if seed % 4 else "woodcut", seed)[1]
        ours = tokens(text)
        longest = max(longest, len(ours))
        assert len(ours) <= 75, text
        assert ours == theirs(text)["input_ids"][1:-1], text
    row = tokenize(["a red star"])[0]
    assert row[0] == model.BOS and row[-1] == model.EOS and len(row) == 77
    print(f"tokens: {count} captions as transformers cuts them, the longest {longest} of 75")


def check_worlds():
    for seed in range(6):
        a, again = picture(seed)[0], picture(seed)[0]
        assert (a == again).all()
        styled, robot = picture(seed, style=woodcut)[0], picture(seed, character=figure)[0]
        assert np.abs(styled.astype(int) - a).mean() > 10 and np.abs(robot.astype(int) - a).mean() > 3
    for name in SETS:
        assert len({image.tobytes() for image, _ in held_out(name, 5)}) == 5
    assert member("woodcut", 1)[1].endswith(STYLE_TAIL)
    assert distance("red", "dark red") > 0.1 and set(TEXTURES) >= set(TEXTURE.values())
    assert all(CORNERS) and set(SIDES) < set(PLACES)
    print("pictures: seeded, style and figure differ from the world")


def check_export():
    torch.manual_seed(0)
    slim = slim_vae().eval()
    with torch.no_grad():
        for p in slim.parameters():  # away from the tidy start
            p += 0.05 * p.std().nan_to_num(0.1) * torch.randn_like(p)
        wide = widened(slim).eval()
        x = torch.rand(1, 3, 64, 64) * 2 - 1
        a, b = (v.decode(v.encode(x).latent_dist.mode()).sample for v in (slim, wide))
        assert (a - b).abs().max() < 1e-4, (a - b).abs().max()
        states = {
            "unet": empty("unet").state_dict(),
            "text": empty("text").state_dict(),
            "vae": wide.state_dict(),
        }
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "base.safetensors")
            write(path, states)
            counts = verify(path)
            loaded = sd.load_single_file(path, torch.float32, exact_time=False)
            c = loaded["vae"].decode(loaded["vae"].encode(x).latent_dist.mode()).sample
            assert (c - b).abs().max() < 0.02, "fp16 costs too much"
            ids = tokenize(["a red star"])
            out = loaded["unet"](
                torch.zeros(1, 4, 8, 8), torch.tensor([5]), sd.encode(loaded["text"], ids)
            ).sample
            assert out.shape == (1, 4, 8, 8) and torch.isfinite(out).all()
            size = os.path.getsize(path) / 1e6
    sizes = ", ".join(f"{k} {millions(m):.2f} M" for k, m in sd.build(DEMO).items())
    print(f"export: {size:.2f} MB ({sizes}), read by diffusers: {counts}; widened VAE equals the slim one")


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_captions()
    check_tokens()
    check_worlds()
    check_export()
