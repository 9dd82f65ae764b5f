"""Sizes of the demo model, its tokenizer, and its noise. Architecture and names are Stable Diffusion 1.x's, from
reference/models.py."""

import os
import re
import sys
import unicodedata
from functools import lru_cache

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import models as sd  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MERGES = 700
VOCABULARY = 512 + MERGES + 2
BOS, EOS = VOCABULARY - 2, VOCABULARY - 1
DEMO = dict(
    unet=[64, 64, 64, 64], vae=[96, 32, 64, 96], vae_layers=1, hidden=128, text_layers=2, vocab=VOCABULARY
)
SCALING = 0.18215


def empty(part, config=DEMO):
    """'vae' | 'unet' | 'text' with PyTorch's own random start, trainable, float32."""
    with torch.random.fork_rng():
        torch.manual_seed(20240603)
        module = sd.build(config, exact_time=False)[part].to_empty(device="cpu")
        for inner in module.modules():
            if hasattr(inner, "reset_parameters"):
                inner.reset_parameters()
        if part == "text":
            for name, p in module.named_parameters():
                if "embedding" in name:
                    torch.nn.init.normal_(p, std=0.02)
            for inner in module.modules():
                if hasattr(inner, "position_ids"):
                    inner.position_ids = torch.arange(77)[None]
    module.requires_grad_(True)
    return module


def millions(module):
    return sum(p.numel() for p in module.parameters()) / 1e6


# --- CLIP's tokenizer, its list of merges cut short (openai/CLIP simple_tokenizer.py) ---

WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")


@lru_cache(1)
def _vocabulary():
    order = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {b: chr(b) for b in order}
    for b in range(256):
        if b not in letters:
            letters[b] = chr(0x100 + len(order) - 188)
            order.append(b)
    symbols = [letters[b] for b in order]
    symbols += [s + "</w>" for s in symbols]
    with open(os.path.join(ROOT, "public", "clip", "merges.txt"), encoding="utf-8") as file:
        merges = [tuple(next(file).split()) for _ in range(MERGES)]
    symbols += ["".join(m) for m in merges]
    return letters, {s: i for i, s in enumerate(symbols)}, {m: i for i, m in enumerate(merges)}


@lru_cache(None)
def _word(word):
    letters, ids, ranks = _vocabulary()
    parts = [letters[b] for b in word.encode()]
    parts[-1] += "</w>"
    while len(parts) > 1:
        best = min(zip(parts, parts[1:]), key=lambda pair: ranks.get(pair, MERGES))
        if best not in ranks:
            break
        joined, i = [], 0
        while i < len(parts):
            if i + 1 < len(parts) and (parts[i], parts[i + 1]) == best:
                joined.append(parts[i] + parts[i + 1])
                i += 2
            else:
                joined.append(parts[i])
                i += 1
        parts = joined
    return [ids[p] for p in parts]


def tokens(text):
    """Token numbers without bos and eos, not cut."""
    text = unicodedata.normalize("NFC", text).lower()
    return [t for word in WORDS.findall(text) for t in _word(word)]


def tokenize(texts):
    """Captions -> int64 [B, 77]: bos, at most 75 tokens, eos to the end, as SD 1.x pads."""
    rows = []
    for text in texts:
        body = tokens(text)[:75]
        rows.append([BOS, *body, *[EOS] * (76 - len(body))])
    return torch.tensor(rows)


# --- noise and sampling (training.md section 1) ---

ALPHAS = sd.alphas_cumprod().float()


def noised(x0, eps, t):
    a = ALPHAS[t][:, None, None, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@torch.no_grad()
def sample(unet, text, prompts, seed=0, steps=25, guidance=4.0, size=128, negative=""):
    """DDIM (eta 0, leading spacing with offset 1, as SD 1.x) -> scaled latents [B, 4, size/8, size/8]."""
    context = sd.encode(text, tokenize(list(prompts)))
    empty_context = sd.encode(text, tokenize([negative])).expand_as(context)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((len(context), 4, size // 8, size // 8), generator=generator)
    both = torch.cat([empty_context, context])
    times = [i * (1000 // steps) + 1 for i in range(steps)][::-1]
    for t, after in zip(times, [*times[1:], None]):
        eps = unet(torch.cat([x, x]), torch.tensor(t), both).sample
        without, with_ = eps.chunk(2)
        eps = without + guidance * (with_ - without)
        a = ALPHAS[t]
        x0 = (x - (1 - a).sqrt() * eps) / a.sqrt()
        b = ALPHAS[after] if after is not None else ALPHAS[0]
        x = b.sqrt() * x0 + (1 - b).sqrt() * eps
    return x


@torch.no_grad()
def decoded(vae, latents):
    """Scaled latents -> uint8 [B, H, W, 3]."""
    image = vae.decode(latents / SCALING).sample
    return to_images(image)


def to_images(x):
    """[-1, 1] [B, 3, H, W] -> uint8 [B, H, W, 3]."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def from_images(images):
    """uint8 [B, H, W, 3] array -> [-1, 1] [B, 3, H, W]."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous()
