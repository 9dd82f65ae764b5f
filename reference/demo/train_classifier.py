"""Trains the reader that measures whether prompts work: it tells shape, colour, count, and whether the figure is
there. It learns from both ways of drawing (it is a judge, not part of the demo), blurred, noised and shifted in
colour as samples are. Usage: python train_classifier.py [--minutes N]. Writes WORK/classifier.pt and
reader.safetensors (fp16, kept in this folder, so that figures.py runs without training anything) and prints its
accuracy on held-out drawings."""

import json
import os

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from model import from_images
from runs import HERE, Run, arguments
from shapes import SHAPES
from unseen import figure, woodcut
from world import COLOURS, picture

NAMES = {"shape": list(SHAPES), "colour": COLOURS, "count": [1, 2, 3], "figure": ["none", "kiko"]}
NOTHING = -100  # no answer wanted, as cross_entropy ignores it


class Reader(nn.Module):
    """[B, 3, 128, 128] in [-1, 1] -> {fact: logits}."""

    def __init__(self, widths=(24, 48, 96, 128)):
        super().__init__()
        layers, before = [], 3
        for w in widths:
            layers += [nn.Conv2d(before, w, 3, stride=2, padding=1), nn.BatchNorm2d(w), nn.ReLU()]
            layers += [nn.Conv2d(w, w, 3, padding=1), nn.BatchNorm2d(w), nn.ReLU()]
            before = w
        self.body = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({k: nn.Linear(2 * before, len(v)) for k, v in NAMES.items()})

    def forward(self, x):
        x = self.body(F.interpolate(x, size=64, mode="area"))
        x = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        return {k: head(x) for k, head in self.heads.items()}


def drawn(seeds, styled, figures=0.12):
    """Pictures of one kind of thing, some of the figure -> (images [B, 3, 128, 128], {fact: [B] indices})."""
    images, facts = [], []
    for seed in seeds:
        rng = np.random.default_rng([20240606, seed])
        style = woodcut if rng.random() < styled else None
        count = int(rng.choice([1, 1, 2, 3]))
        if rng.random() < figures:
            images.append(picture(seed, character=figure)[0])
            facts.append({"figure": 1})
        else:
            image, _, fact = picture(seed, style=style, count=count)
            images.append(image)
            thing = fact.things[0]
            facts.append({k: NAMES[k].index(getattr(thing, k)) for k in NAMES if k != "figure"} | {"figure": 0})
    wanted = {k: torch.tensor([fact.get(k, NOTHING) for fact in facts]) for k in NAMES}
    return from_images(np.stack(images)), wanted


def shares(logits, wanted):
    """Share of right answers, by fact."""
    return {
        k: (logits[k].argmax(1) == wanted[k])[wanted[k] != NOTHING].float().mean()
        for k in NAMES
        if (wanted[k] != NOTHING).any()
    }


def worn(x):
    """What a VAE and a sampler may do to a picture."""
    n = len(x)
    if torch.rand(()) < 0.5:
        small = F.interpolate(
            x, scale_factor=float(torch.empty(()).uniform_(0.35, 0.8)), mode="bilinear", antialias=True
        )
        x = F.interpolate(small, size=x.shape[2:], mode="bilinear")
    x = x * torch.empty(n, 1, 1, 1).uniform_(0.88, 1.08) + 0.05 * torch.randn(n, 3, 1, 1)
    coarse = F.interpolate(torch.randn(n, 3, 16, 16), size=x.shape[2:], mode="bilinear")
    x = x + 0.06 * torch.rand(n, 1, 1, 1) * coarse + 0.05 * torch.rand(n, 1, 1, 1) * torch.randn_like(x)
    return x.clamp(-1, 1)


def misdrawn(x):
    """As by a model that learned it only in part: outlines bent by up to 6 pixels, colours dulled towards their mean."""
    n, _, height, width = x.shape
    bend = F.interpolate(torch.randn(n, 2, 6, 6), size=(height, width), mode="bicubic").permute(0, 2, 3, 1)
    bend = bend.clamp(-2, 2) * torch.empty(n, 1, 1, 1).uniform_(0, 6 / width)
    straight = F.affine_grid(torch.eye(2, 3).expand(n, 2, 3), x.shape, align_corners=False)
    x = F.grid_sample(x, straight + bend, padding_mode="border", align_corners=False)
    return torch.lerp(x, x.mean((2, 3), keepdim=True), torch.empty(n, 1, 1, 1).uniform_(0, 0.4))


@torch.no_grad()
def read(reader, images):
    """uint8 [B, H, W, 3] -> {fact: list of names}."""
    x = F.interpolate(from_images(images), size=128, mode="bilinear")
    return {k: [NAMES[k][i] for i in logits.argmax(1)] for k, logits in reader.eval()(x).items()}


def load_reader():
    reader = Reader()
    reader.load_state_dict(load_file(os.path.join(HERE, "reader.safetensors")))
    return reader.eval().requires_grad_(False)


def main():
    args = arguments(1400)
    torch.manual_seed(20240606)
    reader = Reader()
    run = Run("classifier", {"reader": reader}, args, lr=2e-3)
    for step in run:
        torch.manual_seed(step)
        x, wanted = drawn(range(20_000_000 + 48 * step, 20_000_000 + 48 * (step + 1)), 0.4)
        # Of a third it is asked only whether it is the figure: a bent star need not be a star.
        bent = torch.rand(len(x)) < 1 / 3
        x[bent] = misdrawn(x[bent])
        for fact in ("shape", "colour", "count"):
            wanted[fact][bent] = NOTHING
        logits = reader.train()(worn(x))
        loss = sum(F.cross_entropy(logits[k], wanted[k]) for k in NAMES)
        run.learn(loss, **shares(logits, wanted))
    state = {k: v.half() if v.is_floating_point() else v for k, v in reader.state_dict().items()}
    save_file(state, os.path.join(HERE, "reader.safetensors"))
    reader = load_reader()
    with torch.no_grad():
        for name, styled in (("world", 0.0), ("woodcut", 1.0)):
            x, wanted = drawn(range(29_000_000, 29_000_400), styled)
            found = shares(reader(x), wanted)
            print(name, json.dumps({k: round(float(v), 4) for k, v in found.items()}))


if __name__ == "__main__":
    main()
