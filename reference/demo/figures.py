"""What the LoRAs of the demo learned, in numbers. Usage:

    python figures.py --style woodcut.safetensors --character kiko.safetensors [--count 240]

Every sample is drawn from public/demo/base.safetensors. Printed, and written to WORK/figures.json:
- loss: epsilon's squared error on held-out pictures with fixed noise and timesteps, base and with the LoRA at 1.
- style: how far samples have gone from the base's to the drawn style, along the line between their mean features
  (`features`): 0 is the base, 1 the style. Once towards the drawings, once towards the drawings as the VAE returns
  them, which is all that a LoRA of the U-Net can reach.
- prompts: shares of right shapes and colours, as the reader sees them (base, and style LoRA at 0.8).
- character: share of samples in which the reader finds the figure, with and without the trigger word; and without it,
  shares of right shapes and colours."""

import json
import os

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from attention import quick
from contact_sheet import grid
from evaluate import accuracy, prompts
from make_sets import held_out
from model import ROOT, SCALING, decoded, from_images, noised, sample, sd, to_images, tokenize
from runs import arguments
from train_classifier import load_reader, read
from unseen import STYLE_TAIL, TRIGGER, woodcut
from world import picture

BATCH = 24


def load_base(path):
    models = sd.load_single_file(path, torch.float32, exact_time=False)
    return models["unet"].eval(), models["text"].eval(), models["vae"].eval()


def merged(unet, text, path, weight):
    """Both with a kohya LoRA added to their weights (kept: call `undo` with what is returned)."""
    file = load_file(path)
    kept = {}
    for prefix, model in (("lora_unet_", unet), ("lora_te_", text)):
        for name, module in model.named_modules():
            key = prefix + ("text_model." if prefix == "lora_te_" else "").replace(".", "_") + name.replace(".", "_")
            key = key.replace("lora_te_text_model_text_model_", "lora_te_text_model_")
            if f"{key}.lora_up.weight" not in file:
                continue
            up, down = (file.pop(f"{key}.lora_{side}.weight").float() for side in ("up", "down"))
            scale = weight * float(file.pop(f"{key}.alpha")) / down.shape[0]
            delta = scale * up.flatten(1) @ down.flatten(1)
            kept[module] = module.weight.data
            module.weight.data = module.weight.data + delta.reshape(module.weight.shape)
    if file:
        raise ValueError(f"{path} has tensors without a place: {sorted(file)[:4]}")
    return kept


def undo(kept):
    for module, weight in kept.items():
        module.weight.data = weight


@torch.no_grad()
def denoising_loss(unet, text, vae, members):
    """Mean squared error of epsilon over held-out (image, caption) pairs; noise and timesteps are the same each call."""
    x0 = vae.encode(from_images(np.stack([m[0] for m in members]))).latent_dist.mode() * SCALING
    context = sd.encode(text, tokenize([m[1] for m in members]))
    total = 0.0
    for i in range(8):
        generator = torch.Generator().manual_seed(i)
        eps = torch.randn(x0.shape, generator=generator)
        t = (torch.arange(len(x0)) * 1000 // len(x0) + 125 * i) % 1000
        total += float((unet(noised(x0, eps, t), t, context).sample - eps).square().mean())
    return total / 8


def drawings(unet, text, vae, texts, steps):
    images = []
    for i in range(0, len(texts), BATCH):
        images.append(decoded(vae, sample(unet, text, texts[i : i + BATCH], seed=i, steps=steps)))
    return np.concatenate(images)


def features(images):
    """[B, 128, 128, 3] -> [B, 10]: edges and texture, not colour or content."""
    x = np.asarray(images, np.float32) / 255
    y = x @ np.array([0.299, 0.587, 0.114], np.float32)
    columns = [(y < 0.16).mean((1, 2))]
    for size in (1, 2, 4):
        z = y.reshape(len(y), 128 // size, size, 128 // size, size).mean((2, 4))
        dy, dx = np.abs(np.diff(z, axis=1)).mean((1, 2)), np.abs(np.diff(z, axis=2)).mean((1, 2))
        columns += [np.log(dy + 1e-3), np.log(dx + 1e-3), np.log((dy + 1e-3) / (dx + 1e-3))]
    return np.stack(columns, 1)


def way(base, now, style):
    """How far the mean features have gone from base to style, each feature in units of its spread."""
    a, b, c = (features(v) for v in (base, now, style))
    spread = np.concatenate([a, c]).std(0)
    line = (c.mean(0) - a.mean(0)) / spread
    return float(((b.mean(0) - a.mean(0)) / spread) @ line / (line @ line))


@torch.no_grad()
def returned(vae, images):
    """As the VAE gives them back."""
    parts = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
    return np.concatenate(
        [to_images(vae.decode(vae.encode(from_images(p)).latent_dist.mode()).sample) for p in parts]
    )


def style_figures(models, reader, lora, count, steps, sheet):
    unet, text, vae = models
    wanted = prompts(count)
    styled = [w[0] + STYLE_TAIL for w in wanted]
    members = held_out("woodcut", 64)
    drawn = np.stack(
        [picture(71_000_000 + i, style=woodcut, shape=s, colour=c, count=1)[0] for i, (_, s, c) in enumerate(wanted)]
    )
    loss = [denoising_loss(*models, members)]
    plain = drawings(*models, [w[0] for w in wanted], steps)
    asked = drawings(*models, styled[:96], steps)
    out = {"prompts_base": accuracy(reader, plain, wanted)}
    with_lora = {}
    for weight in (0.8, 1.0):
        kept = merged(unet, text, lora, weight)
        if weight == 1.0:
            loss.append(denoising_loss(*models, members))
        with_lora[weight] = drawings(*models, styled if weight == 0.8 else styled[:96], steps)
        undo(kept)
    out |= {"prompts_style_0.8": accuracy(reader, with_lora[0.8], wanted)}
    out |= {"loss_base": loss[0], "loss_style": loss[1], "loss_change": loss[1] / loss[0] - 1}
    for name, end in (("drawings", drawn[:96]), ("drawings_through_vae", returned(vae, drawn[:96]))):
        for weight, images in with_lora.items():
            out[f"way_to_{name}_{weight}"] = way(asked, images[:96], end)
    rows = [plain[:12], with_lora[0.8][:12], with_lora[1.0][:12], drawn[:12]]
    Image.fromarray(grid([image for row in rows for image in row], 12)).save(sheet)
    return out


def character_figures(models, reader, lora, steps, sheet):
    unet, text, _ = models
    members = held_out("kiko", 48)
    called = [m[1] for m in members]
    wanted = prompts(48, seed=20240610)
    there = lambda images: float(np.mean([f == TRIGGER for f in read(reader, images)["figure"]]))  # noqa: E731
    base = drawings(*models, called, steps)
    loss = [denoising_loss(*models, members)]
    out, rows = {"figure_base": there(base)}, [base[:12]]
    for weight in (0.8, 1.0):
        kept = merged(unet, text, lora, weight)
        if weight == 1.0:
            loss.append(denoising_loss(*models, members))
        with_word = drawings(*models, called, steps)
        without = drawings(*models, [w[0] for w in wanted], steps)
        undo(kept)
        rows += [with_word[:12], without[:12]]
        out |= {
            f"figure_with_trigger_{weight}": there(with_word),
            f"figure_without_trigger_{weight}": there(without),
            f"prompts_without_trigger_{weight}": accuracy(reader, without, wanted),
        }
    Image.fromarray(grid([image for row in rows for image in row], 12)).save(sheet)
    return out | {"loss_base": loss[0], "loss_character": loss[1], "loss_change": loss[1] / loss[0] - 1}


def main():
    demo = os.path.join(ROOT, "public", "demo")
    args = arguments(
        0, base=os.path.join(demo, "base.safetensors"), style="", character="", count=240, sampler_steps=25
    )
    models, reader = load_base(args.base), load_reader()
    out = {}
    with quick(), torch.no_grad():
        if args.style:
            sheet = os.path.join(args.work, "style.png")
            out["style"] = style_figures(models, reader, args.style, args.count, args.sampler_steps, sheet)
        if args.character:
            sheet = os.path.join(args.work, "character.png")
            out["character"] = character_figures(models, reader, args.character, args.sampler_steps, sheet)
    text = json.dumps(out, indent=2, default=lambda v: round(float(v), 4))
    with open(os.path.join(args.work, "figures.json"), "w") as file:
        file.write(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
