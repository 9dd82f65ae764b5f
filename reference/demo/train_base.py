"""Trains the demo base model: text encoder and U-Net together, on cached latents of the world, as Stable Diffusion
1.x was (epsilon prediction, its noise schedule; min-SNR weights, which only speed it up). Captions are made anew
each time a picture is seen. Usage: python train_base.py [--minutes N]; needs WORK/vae_slim.pt (train_vae.py).
First it fills WORK/latents, then it trains; both go on where they stopped. Writes WORK/base.pt, base.csv,
base.safetensors (EMA, fp32) and base.png (samples of fixed prompts)."""

import json
import os
import time

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from attention import quick
from captions import caption
from contact_sheet import grid
from model import ALPHAS, DEMO, SCALING, decoded, empty, from_images, millions, noised, sample, sd, tokenize
from runs import Run, arguments
from slim import slim_vae
from world import imagine, picture

CHUNK = 1000
SMALL_SEED = 10_000_000  # pictures drawn at 64 px
HELD_OUT = 80_000_000
PROMPTS = [
    "a red star on a dark blue background, top left",
    "a large yellow heart on a purple background",
    "two small green circles on a striped yellow background",
    "a blue fish on a white background",
    "a pink flower, black background",
    "three orange triangles on a light blue background",
    "a white house on a green background, at the bottom",
    "a purple ring left of a brown square on a light yellow background",
    "an outlined black moon on an orange background",
    "a green arrow on a pink to white gradient",
    "a striped blue square on a light grey background",
    "a black cross on a dotted yellow background",
]


def captions_of(seeds, rng):
    """New captions for pictures that were cached by seed."""
    texts = []
    for seed in seeds:
        facts = imagine(np.random.default_rng([20240601, int(seed)]))
        texts.append("" if rng.random() < 0.1 else caption(facts, rng))
    return texts


def cached(vae, folder, size, first_seed, count, until):
    """Latents of `count` pictures, in files of 1000: scaled mean and std, fp16. Ends early at the time `until`."""
    os.makedirs(folder, exist_ok=True)
    parts = []
    for start in range(0, count, CHUNK):
        path = os.path.join(folder, f"{size}_{start // CHUNK:03d}.pt")
        if not os.path.exists(path):
            if time.time() > until:
                break
            encoded = [
                encode(vae, size, range(first_seed + i, first_seed + i + 50))
                for i in range(start, start + CHUNK, 50)
            ]
            torch.save(torch.cat(encoded), path + ".part")
            os.replace(path + ".part", path)
            print(f"latents {size} px: {start + CHUNK} of {count}", flush=True)
        parts.append(torch.load(path))
    return torch.cat(parts) if parts else torch.empty(0)


@torch.no_grad()
def encode(vae, size, seeds):
    posterior = vae.encode(from_images(np.stack([picture(s, size)[0] for s in seeds]))).latent_dist
    return (torch.stack([posterior.mean, posterior.std], 1) * SCALING).half()  # [B, 2, 4, h, w]


SMALL_STEPS = 1100
PLAIN_FROM, PLAIN_SHARE = 3300, 0.5
MUON_FROM = 4788


def plan(step):
    """(64 px?, batch). Small pictures are cheap, and enough for colours: more of them first, a tenth to the end."""
    early = step < SMALL_STEPS
    return (True, 40) if (step % 10 != 0 if early else step % 10 == 0) else (False, 24)


def plain_rows(first_seed, count):
    """Pictures of one thing that is large enough to be seen by its outline."""
    rows = []
    for i in range(count):
        things = imagine(np.random.default_rng([20240601, first_seed + i])).things
        if len(things) == 1 and things[0].count == 1 and things[0].radius > 0.2:
            rows.append(i)
    return np.array(rows)


def chosen(rng, n, size, plain, step):
    """Rows of n pictures. Colours are learned long before outlines: later on, every other picture shows one plainly."""
    rows = rng.integers(0, size, n)
    if step >= PLAIN_FROM:
        easy = rng.random(n) < PLAIN_SHARE
        rows[easy] = rng.choice(plain, int(easy.sum()))
    return rows


def timesteps(n):
    """One in each of n equal parts of the noise schedule: a batch's loss varies less than by chance alone."""
    return ((torch.randperm(n) + torch.rand(n)) * 1000 / n).long().clamp(max=999)


def losses(unet, text, x0, texts, t, eps):
    """Squared error of epsilon, [B]."""
    predicted = unet(noised(x0, eps, t), t, sd.encode(text, tokenize(texts))).sample
    return (predicted - eps).square().mean((1, 2, 3))


def main():
    args = arguments(7200, pictures=16000, small_pictures=20000)
    until = time.time() + 60 * args.minutes
    vae = slim_vae()
    vae.load_state_dict(torch.load(os.path.join(args.work, "vae_slim.pt"), weights_only=True))
    vae.eval()
    folder = os.path.join(args.work, "latents")
    latents = {
        True: cached(vae, folder, 64, SMALL_SEED, args.small_pictures, until),
        False: cached(vae, folder, 128, 0, args.pictures, until),
    }
    if min(len(v) for v in latents.values()) < CHUNK:
        raise SystemExit("No time left to train: run again to go on.")
    args.minutes = max(0.0, (until - time.time()) / 60)

    unet, text = empty("unet").to(memory_format=torch.channels_last), empty("text")
    run = Run("base", {"unet": unet, "text": text}, args, lr=1e-3, ema=0.998, muon_from=MUON_FROM)
    print(
        f"U-Net {DEMO['unet']} {millions(unet):.2f} M, text {millions(text):.2f} M, from step {run.step}",
        flush=True,
    )
    with quick():
        train(run, unet, text, latents)
    run.use_mean()
    report(unet.eval(), text.eval(), vae, run, args)


def train(run, unet, text, latents):
    snr = ALPHAS / (1 - ALPHAS)
    plain = {small: plain_rows(SMALL_SEED * small, len(latents[small])) for small in (True, False)}
    for step in run:
        rng = np.random.default_rng([20240605, step])
        torch.manual_seed(step)
        small, n = plan(step)
        rows = chosen(rng, n, len(latents[small]), plain[small], step)
        mean, std = latents[small][rows].float().unbind(1)
        x0 = mean + std * torch.randn_like(std)
        t = timesteps(n)
        each = losses(unet, text, x0, captions_of(rows + SMALL_SEED * small, rng), t, torch.randn_like(x0))
        weight = (5 / snr[t]).clamp(max=1)
        figures = {"loss64" if small else "loss128": each.mean()}
        run.learn((weight * each).mean(), **figures)


@torch.no_grad()
def held_out_loss(unet, text, vae, n=256):
    """Fixed pictures, captions, noise, timesteps."""
    total = 0.0
    for i in range(0, n, 64):
        seeds = range(HELD_OUT + i, HELD_OUT + i + 64)
        x0 = encode(vae, 128, seeds)[:, 0].float()
        texts = [picture(s, 8)[1] for s in seeds]
        eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(i))
        t = (torch.arange(64) * 1000 // 64) + 7
        total += float(losses(unet, text, x0, texts, t, eps).mean())
    return total / (n // 64)


def report(unet, text, vae, run, args):
    state = {f"unet.{k}": v for k, v in unet.state_dict().items()}
    state |= {f"text.{k}": v for k, v in text.state_dict().items() if not k.endswith("position_ids")}
    save_file({k: v.contiguous() for k, v in state.items()}, os.path.join(args.work, "base.safetensors"))
    figures = {"step": run.step, "minutes": run.seconds / 60, "held_out_loss": held_out_loss(unet, text, vae)}
    images = [
        *decoded(vae, sample(unet, text, PROMPTS, seed=1)),
        *decoded(vae, sample(unet, text, PROMPTS, seed=2)),
    ]
    Image.fromarray(grid(images, len(PROMPTS) // 2)).save(os.path.join(args.work, "base.png"))
    small = decoded(vae, sample(unet, text, PROMPTS, seed=1, size=64))
    Image.fromarray(grid(list(small), len(PROMPTS) // 2)).save(os.path.join(args.work, "base64.png"))
    with open(os.path.join(args.work, "base.json"), "w") as file:
        json.dump(figures, file, indent=2)
    print(json.dumps(figures, indent=2))


def load_base(work):
    """(unet, text) of WORK/base.safetensors, frozen."""
    state = load_file(os.path.join(work, "base.safetensors"))
    out = []
    for part in ("unet", "text"):
        module = empty(part)
        own = {k.removeprefix(part + "."): v for k, v in state.items() if k.startswith(part + ".")}
        module.load_state_dict(own, strict=False)
        out.append(module.eval().requires_grad_(False))
    return out


if __name__ == "__main__":
    main()
