"""Trains the demo VAE on the world and on scribbles (lines, hatching, patches of any colour), so that pictures in
other styles survive it too. Usage: python train_vae.py [--minutes N]. Writes WORK/vae.pt, vae.csv, and when the
steps are done vae.safetensors (fp16, diffusers names; latents of std 1/0.18215) and vae.png (top: pictures, below:
what comes back). slim.py says why it trains with fewer channels than it ships."""

import json
import math
import os

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from contact_sheet import grid
from model import DEMO, SCALING, from_images, millions, to_images
from runs import Run, arguments, fast
from slim import slim_vae, widened
from shapes import Tile, disc, polygon, wobbled
from unseen import figure, woodcut
from world import picture

KL_WEIGHT = 3e-5  # keeps latents near the origin; they are rescaled at the end anyway


def scribble(rng, side):
    """Anything: patches, wavy line fields, grain, in colours of no palette."""
    canvas = np.zeros((side, side, 3), np.float32)
    x, y = np.meshgrid(*[np.arange(side) / side] * 2)
    a, b = rng.random((2, 3))
    f = rng.uniform(0, 2 * math.pi)
    ramp = np.clip(0.5 + rng.uniform(0, 1) * ((x - 0.5) * math.cos(f) + (y - 0.5) * math.sin(f)), 0, 1)
    canvas[:] = a + (b - a) * ramp[..., None]
    if rng.random() < 0.6:
        period = rng.uniform(0.06, 0.2)
        f = rng.uniform(0, math.pi)
        bend = rng.uniform(0, 0.03) * np.sin(rng.uniform(4, 20) * (x * math.sin(f) - y * math.cos(f)))
        u = (x * math.cos(f) + y * math.sin(f) + bend) / period
        alpha = np.clip((rng.uniform(0.1, 0.3) - np.abs(u - np.round(u))) * period * side + 0.5, 0, 1)
        canvas += rng.uniform(0.2, 1) * alpha[..., None] * (rng.random(3) - canvas)
    for _ in range(rng.integers(1, 6)):
        r = rng.uniform(0.06, 0.4) * side
        tile = Tile(tuple(rng.uniform(0.1, 0.9, 2) * side), r, side)
        n = rng.integers(3, 7)
        angles = np.sort(rng.uniform(0, 2 * math.pi, n))
        reach = rng.uniform(0.4, 1, n)
        outline = (
            disc()
            if rng.random() < 0.3
            else polygon(*np.stack([reach * np.cos(angles), reach * np.sin(angles)], 1))
        )
        mask = tile.mask(
            [("add", wobbled(outline, rng.uniform(0, 6.28, (2, 3)), rng.uniform(0, 0.03)))], ("add",)
        )
        colour = rng.random(3)
        if rng.random() < 0.75:
            tile.blend(canvas, mask, colour)
        if rng.random() < 0.4:
            gx, gy = tile.grid()
            f, period = rng.uniform(0, math.pi), rng.uniform(4, 14)
            u = (gx * math.cos(f) + gy * math.sin(f)) / period
            tile.blend(
                canvas,
                (np.asarray(mask) > 127) * (np.abs(u - np.round(u)) < rng.uniform(0.1, 0.3)),
                rng.random(3),
            )
        if rng.random() < 0.5:
            tile.blend(canvas, tile.rim(mask, rng.uniform(1, 4)), rng.random(3) * rng.choice([0.2, 1]))
    if rng.random() < 0.4:
        canvas += rng.normal(0, rng.uniform(0, 0.03), (side, side, 1)).astype(np.float32)
    return (np.clip(canvas, 0, 1) * 255).astype(np.uint8)


def batch(step, rng):
    """Mostly 64 px windows of 128 px pictures: a VAE sees little further, and they cost a quarter."""
    kind = step % 8
    side, n, window = (128, 3, 128) if kind == 0 else (64, 12, 64) if kind == 4 else (128, 12, 64)
    images = []
    for i in range(n):
        seed = step * 32 + i
        image = scribble(rng, side) if rng.random() < 0.4 else picture(seed, side)[0]
        ox, oy = rng.integers(0, side - window + 1, 2)
        images.append(image[oy : oy + window, ox : ox + window])
    return from_images(np.stack(images))


def reconstruction(x, y):
    """L1 of the pictures and of their slopes: edges count, without a perceptual network to borrow."""
    error = x - y
    slopes = error.diff(dim=3).abs().mean() + error.diff(dim=2).abs().mean()
    return error.abs().mean() + 0.5 * slopes


def held_out(n, style=None, character=None):
    return from_images(np.stack([picture(90_000_000 + i, 128, style, character)[0] for i in range(n)]))


@torch.no_grad()
def psnr(vae, x):
    y = vae.decode(vae.encode(x).latent_dist.mode()).sample.clamp(-1, 1)
    return float((10 * torch.log10(4 / (x - y).pow(2).mean((1, 2, 3)))).mean()), y


def normalise(vae, x):
    """Rescales quant_conv and post_quant_conv so that latents have mean 0 and std 1/SCALING over x."""
    with torch.no_grad():
        z = vae.encode(x).latent_dist.mode()
        mean, std = z.mean((0, 2, 3)), z.std((0, 2, 3))
        factor = 1 / SCALING / std
        q, p = vae.quant_conv, vae.post_quant_conv
        p.bias += (p.weight[:, :, 0, 0] * mean).sum(1)
        p.weight /= factor[None, :, None, None]
        q.weight[:4] *= factor[:, None, None, None]
        q.bias[:4] = (q.bias[:4] - mean) * factor
        q.bias[4:] += 2 * factor.log()
        # log-variances are clamped at +20; they are far below
        return std


def passes(vae):
    """(x, noise) -> reconstruction, posterior mean and log-variance."""

    def forward(x, noise):
        mean, logvar = vae.quant_conv(vae.encoder(x)).chunk(2, dim=1)
        logvar = logvar.clamp(-30, 20)
        return vae.decoder(vae.post_quant_conv(mean + (0.5 * logvar).exp() * noise)), mean, logvar

    return forward


def main():
    args = arguments(6000)
    vae = slim_vae()
    run = Run("vae", {"vae": vae}, args, lr=5e-4, ema=0.998)
    print(f"VAE {DEMO['vae']}: {millions(vae):.2f} M parameters, from step {run.step}", flush=True)
    forward = fast(passes(vae), vae)
    for step in run:
        rng = np.random.default_rng([20240604, step])
        torch.manual_seed(step)
        x = batch(step, rng)
        noise = torch.randn(len(x), 4, x.shape[2] // 8, x.shape[3] // 8)
        y, mean, logvar = (v.float() for v in forward(x, noise))
        kl = 0.5 * (mean.pow(2) + logvar.exp() - 1 - logvar).mean()
        l = reconstruction(x, y)
        run.learn(l + KL_WEIGHT * kl, reconstruction=l, kl=kl)
    run.use_mean()
    report(vae, run, args)


def report(vae, run, args):
    slim = vae.eval()
    world, style, character = held_out(96), held_out(32, woodcut), held_out(32, None, figure)
    stds = normalise(slim, world)
    torch.save(slim.state_dict(), os.path.join(args.work, "vae_slim.pt"))
    vae = widened(slim).eval()
    apart = (psnr(vae, world[:8])[1] - psnr(slim, world[:8])[1]).abs().max()
    assert apart < 1e-3, f"the widened VAE differs from the trained one by {apart}"
    figures = {"step": run.step, "minutes": run.seconds / 60, "latent_std_before": stds.tolist()}
    sheets = []
    for name, x in (("world", world), ("style", style), ("character", character)):
        figures[f"psnr_{name}"], y = psnr(vae, x)
        sheets += [*to_images(x[:12]), *to_images(y[:12])]
    z = vae.encode(world).latent_dist.mode().detach() * SCALING
    figures["latent_std"] = float(z.std())
    Image.fromarray(grid(sheets, 12)).save(os.path.join(args.work, "vae.png"))
    save_file(
        {k: v.half().contiguous() for k, v in vae.state_dict().items()},
        os.path.join(args.work, "vae.safetensors"),
    )
    figures["megabytes"] = os.path.getsize(os.path.join(args.work, "vae.safetensors")) / 1e6
    with open(os.path.join(args.work, "vae.json"), "w") as file:
        json.dump(figures, file, indent=2)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
