"""Golden numbers for a Stable Diffusion XL in miniature, in float64 from diffusers and transformers: golden/sdxl.json (names
and shapes) and golden/sdxl.safetensors. With --single FILE or --folder DIRECTORY it also writes the model itself, as a
single file or as diffusers saves it. Usage: python make_sdxl.py [--single FILE] [--folder DIRECTORY]"""

import argparse
import json
import math
import os

import torch
from diffusers import DDIMScheduler
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr
from safetensors.torch import save_file

import sdxl
from lora import Adapter
from make_golden import GOLDEN, SD15_SCHEDULE, cosine_rate, mse, noisy, normal, save, snr_weight
from make_varied import hashed
from models import nhwc

RANK, ALPHA = 2, 1
STEPS, RATE, WARMUP, MAX_NORM = 30, 1e-2, 1, 0.05
# Of runs that are short, these modules alone.
SAMPLED = ("input_blocks_4_1_", "middle_block_1_", "output_blocks_5_1_")


def prompts(count, seed, used=None):
    """[count, 77]: BOS, tokens, end token to the end."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.full((count, 77), sdxl.VOCAB - 1)
    ids[:, 0] = sdxl.VOCAB - 2
    for row in ids:
        length = used or int(torch.randint(5, 70, (1,), generator=generator))
        row[1 : 1 + length] = torch.randint(0, sdxl.VOCAB - 2, (length,), generator=generator)
    return ids


def lora_weights(found):
    """Kohya tensors, float32: down u/sqrt(fan in), up 0.3 u, hashed as in make_varied.py."""
    tensors = {}
    for name, module in found.items():
        out_size, in_size = module.weight.shape[:2]
        for key, shape, factor in (
            (name + ".lora_down.weight", (RANK, in_size), 1 / math.sqrt(in_size)),
            (name + ".lora_up.weight", (out_size, RANK), 0.3),
        ):
            values = hashed(key, math.prod(shape)) * factor
            tensors[key] = torch.from_numpy(values).float().reshape(shape)
        tensors[name + ".alpha"] = torch.tensor(float(ALPHA))
    return tensors


def gradients(adapter, wanted=lambda name: True):
    """A parameter that no gradient reaches has none."""
    return {name: grad for name, grad in adapter.gradients().items() if grad is not None and wanted(name)}


def text_goldens(models):
    ids, long_ids = prompts(2, 91), torch.cat([prompts(1, 92, 75), prompts(1, 93, 20)])
    context, pooled = sdxl.encode(models, ids)
    long_context, long_pooled = sdxl.encode(models, long_ids, 2)
    return {
        "ids": ids.int(),
        "padded_ids": sdxl.padded(ids).int(),
        "context": context,
        "pooled": pooled,
        "long_ids": long_ids.int(),
        "long_context": long_context,
        "long_pooled": long_pooled,
    }


def grads_goldens(models, text):
    x0, noise, t = normal((2, 4, 16, 24), 94, 0.9), normal((2, 4, 16, 24), 95), torch.tensor([37, 640])
    sizes = torch.tensor([[1024, 768, 0, 16, 128, 192], [512, 2048, 48, 0, 128, 192]])
    noised = noisy(x0.double(), noise.double(), t)
    # Inputs, where the text encoders are not trained: rounded to float32.
    context, pooled = text["context"].float().double(), text["pooled"].float().double()
    features = models["unet"].add_time_proj(sizes.double().flatten()).reshape(2, -1)
    tensors = {
        "x0_nhwc": nhwc(x0),
        "noise_nhwc": nhwc(noise),
        "noisy_nhwc": nhwc(noised),
        "timesteps": t.int(),
        "sizes": sizes.int(),
        "added": torch.cat([pooled, features], -1),
        "out_nhwc": nhwc(sdxl.predict(models, noised, t, context, pooled, sizes)),
    }

    adapter = Adapter(sdxl.modules(models, ["unet"]), lora_weights(sdxl.modules(models, ["unet"])))
    pred = sdxl.predict(models, noised, t, context, pooled, sizes)
    loss = mse(pred, noise.double()).mean()
    loss.backward()
    tensors |= {"unet_only/out_nhwc": nhwc(pred), "unet_only/loss": loss[None]}
    tensors |= {"unet_only/" + name: grad for name, grad in gradients(adapter).items()}
    adapter.detach()

    # The text encoders' too, the second one's through the pooled text as well.
    found = sdxl.modules(models, ["unet", "text1", "text2"])
    adapter = Adapter(found, lora_weights(found))
    context, pooled = sdxl.encode(models, text["ids"].long())
    pred = sdxl.predict(models, noised, t, context, pooled, sizes)
    loss = mse(pred, noise.double()).mean()
    loss.backward()
    tensors |= {"with_text/loss": loss[None], "with_text/pooled": pooled}
    of_text = gradients(adapter, lambda name: name.startswith("lora_te") or "middle_block_1_proj" in name)
    tensors |= {"with_text/" + name: grad for name, grad in of_text.items()}
    adapter.detach()
    return tensors


def zero_terminal():
    """alpha-bar of every timestep where the last one is noise alone, float64."""
    begin, end = SD15_SCHEDULE["beta_start"] ** 0.5, SD15_SCHEDULE["beta_end"] ** 0.5
    betas = torch.linspace(begin, end, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - rescale_zero_terminal_snr(betas), 0)


def train(models, text, t, x0, noise, sizes, zero):
    """AdamW on the U-Net's LoRA from the hashed values, one picture a step, min-SNR 5, gradients clipped. `zero`: the model
    predicts v, and its last timestep is noise alone; losses are weighed by the SNR from before that, as by sd-scripts."""
    bar = zero_terminal()
    found = sdxl.modules(models, ["unet"])
    adapter = Adapter(found, lora_weights(found))
    weights = list(adapter.weights.values())
    opt = torch.optim.AdamW(weights, lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses, norms = [], []
    for i in range(STEPS):
        opt.zero_grad()
        at, row = t[i : i + 1], i % 2
        context, pooled = (text[key][row : row + 1].float().double() for key in ("context", "pooled"))
        clean, target = x0[i : i + 1].double(), noise[i : i + 1].double()
        noised = noisy(clean, target, at)
        if zero:
            signal, rest = bar[t[i]].sqrt(), (1 - bar[t[i]]).sqrt()
            noised, target = signal * clean + rest * target, signal * target - rest * clean
        pred = sdxl.predict(models, noised, at, context, pooled, sizes)
        loss = (mse(pred, target) * snr_weight(at, 5, zero)).mean()
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(weights, MAX_NORM).item())
        opt.param_groups[0]["lr"] = RATE * cosine_rate(i, WARMUP, STEPS)
        opt.step()
    adapter.detach()
    prefix = "zero/" if zero else "steps/"
    return {
        prefix + "losses": torch.tensor(losses),
        prefix + "grad_norms": torch.tensor(norms),
    } | {
        prefix + "final/" + name: value
        for name, value in adapter.weights.items()
        if any(block in name for block in SAMPLED)
    }


def steps_goldens(models, text):
    t = torch.randint(0, 1000, (STEPS,), generator=torch.Generator().manual_seed(96))
    t[7], t[20] = 999, 998
    x0, noise = normal((STEPS, 4, 16, 16), 97, 0.9), normal((STEPS, 4, 16, 16), 98)
    sizes = torch.tensor([[640, 512, 0, 8, 128, 128]])
    runs = [train(models, text, t, x0, noise, sizes, zero) for zero in (False, True)]
    return {
        "steps/timesteps": t.int(),
        "steps/x0_nhwc": nhwc(x0),
        "steps/noise_nhwc": nhwc(noise),
        "steps/sizes": sizes.int(),
        "steps/rates": torch.tensor([RATE * cosine_rate(i, WARMUP, STEPS) for i in range(STEPS)]),
        "steps/max_norm": torch.tensor([MAX_NORM]),
    } | runs[0] | runs[1]


@torch.no_grad()
def sampling_goldens(models, text, steps=4, guidance=5.0):
    """DDIM with guidance: row 0 of the texts is the negative prompt, row 1 the prompt; sizes are the picture's."""
    scheduler = DDIMScheduler(**SD15_SCHEDULE, set_alpha_to_one=False, clip_sample=False)
    scheduler.set_timesteps(steps)
    start = normal((1, 4, 16, 24), 99)
    x = start.double()
    context, pooled = (text[key].float().double() for key in ("context", "pooled"))
    sizes = torch.tensor([[128, 192, 0, 0, 128, 192]] * 2)
    for t in scheduler.timesteps:
        both = sdxl.predict(models, torch.cat([x, x]), t.double().repeat(2), context, pooled, sizes)
        x = scheduler.step(both[:1] + guidance * (both[1:] - both[:1]), t, x).prev_sample.double()
    return {"sampling/noise_nhwc": nhwc(start), "sampling/latent_nhwc": nhwc(x)}


def describe(models, of):
    """`tensors`: names and shapes of the single file; `folder`: what of that file each tensor is that diffusers saves;
    `lora` of all adapted modules, in and out."""
    tensors, folder = {}, {}
    for part, name, file, shape, how in of.entries(models):
        tensors[file] = shape
        if part.startswith("text") and name != "text_projection.weight":  # as published folders have it; transformers 5 leaves it out
            name = "text_model." + name.removeprefix("text_model.")
        folder.setdefault(part, {})[name] = {"from": file, **how}
    found = of.modules(models, [part for part in models if part != "vae"])
    loras = {name: list(module.weight.shape[::-1]) for name, module in found.items()}
    return {"rank": RANK, "alpha": ALPHA, "tensors": tensors, "folder": folder, "lora": loras}


def main(of, what, description, unused=lambda models: {}):
    """Writes golden/NAME.json and .safetensors of the module `of`, or the model alone. `what`: the makers of goldens, the
    first of texts, the others with those; `unused`: what else the single file has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--single")
    parser.add_argument("--folder")
    wanted = parser.parse_args()
    models, tensors, states = of.load()
    print("names as diffusers reads them:", {part: len(state) for part, state in states.items()})
    if wanted.single:
        save_file(tensors, wanted.single, metadata={"format": "pt"})
    if wanted.folder:
        write_folder(models, wanted.folder)
    if wanted.single or wanted.folder:
        return
    described = describe(models, of)
    described["tensors"] |= unused(models)
    with open(os.path.join(GOLDEN, f"{of.__name__}.json"), "w") as file:
        json.dump(described, file, separators=(",", ":"))
    texts, *others = what
    goldens = texts(models)
    text = dict(goldens)
    for make in others:
        goldens |= make(models, text)
    save(f"{of.__name__}.safetensors", goldens)


def write_folder(models, directory):
    """Weights as halves, each part in a folder of its own."""
    folders = dict(unet="unet", vae="vae", text1="text_encoder", text2="text_encoder_2")
    for part, folder in folders.items():
        if part not in models:
            continue
        models[part].half().save_pretrained(os.path.join(directory, folder), safe_serialization=True)


if __name__ == "__main__":
    main(sdxl, (text_goldens, grads_goldens, steps_goldens, sampling_goldens), __doc__)
