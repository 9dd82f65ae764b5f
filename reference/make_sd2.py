"""Golden numbers for a Stable Diffusion 2.x in miniature, in float64 from diffusers and transformers, for both kinds of
prediction: golden/sd2.json (names and shapes) and golden/sd2.safetensors. With --single FILE or --folder DIRECTORY it also
writes the model itself, as a single file or as diffusers saves it.
Usage: python make_sd2.py [--single FILE] [--folder DIRECTORY]"""

import torch
from diffusers import DDIMScheduler

import sd2
from lora import Adapter
from make_golden import SD15_SCHEDULE, cosine_rate, mse, noisy, normal, snr_weight, velocity
from make_sdxl import MAX_NORM, RATE, WARMUP, gradients, lora_weights, main, prompts
from models import nhwc

STEPS = 30

# Of a pass that is like another, and of steps, these modules alone.
SAMPLED = ("down_blocks_0_attentions_1_", "mid_block_attentions_0_", "up_blocks_3_attentions_2_")


def sampled(name):
    return any(part in name for part in SAMPLED)


def predict(models, x, t, context):
    return models["unet"](x, t, context).sample


def text_goldens(models):
    ids, long_ids = prompts(2, 191), torch.cat([prompts(1, 192, 75), prompts(1, 193, 20)])
    return {
        "ids": ids.int(),
        "padded_ids": sd2.padded(ids).int(),
        "context": sd2.encode(models, ids),
        "context_skip_2": sd2.encode(models, ids, clip_skip=2),
        "long_ids": long_ids.int(),
        "long_context": sd2.encode(models, long_ids, 2),
    }


def grads_goldens(models, text):
    x0, noise, t = normal((2, 4, 16, 24), 194, 0.9), normal((2, 4, 16, 24), 195), torch.tensor([37, 640])
    noised = noisy(x0.double(), noise.double(), t)
    # An input, where the text encoder is not trained: rounded to float32.
    context = text["context"].float().double()
    tensors = {
        "x0_nhwc": nhwc(x0),
        "noise_nhwc": nhwc(noise),
        "timesteps": t.int(),
        "out_nhwc": nhwc(predict(models, noised, t, context)),
    }
    targets = {"epsilon": noise.double(), "v": velocity(x0.double(), noise.double(), t)}
    for kind, wanted in (("epsilon", lambda _: True), ("v", sampled)):
        found = sd2.modules(models, ["unet"])
        adapter = Adapter(found, lora_weights(found))
        loss = mse(predict(models, noised, t, context), targets[kind]).mean()
        loss.backward()
        tensors |= {f"{kind}/loss": loss[None]}
        tensors |= {f"{kind}/{name}": grad for name, grad in gradients(adapter, wanted).items()}
        adapter.detach()

    found = sd2.modules(models, ["unet", "text1"])
    adapter = Adapter(found, lora_weights(found))
    context = sd2.encode(models, text["ids"].long())
    loss = mse(predict(models, noised, t, context), targets["v"]).mean()
    loss.backward()
    tensors |= {"with_text/loss": loss[None]}
    of_text = gradients(adapter, lambda name: name.startswith("lora_te"))
    tensors |= {"with_text/" + name: grad for name, grad in of_text.items()}
    adapter.detach()
    return tensors


def steps_goldens(models, text):
    """AdamW on the U-Net's LoRA from the hashed values, predicting v, one picture a step, min-SNR 5, gradients clipped."""
    t = torch.randint(0, 1000, (STEPS,), generator=torch.Generator().manual_seed(196))
    x0, noise = normal((STEPS, 4, 16, 16), 197, 0.9), normal((STEPS, 4, 16, 16), 198)
    found = sd2.modules(models, ["unet"])
    adapter = Adapter(found, lora_weights(found))
    weights = list(adapter.weights.values())
    opt = torch.optim.AdamW(weights, lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses, norms = [], []
    for i in range(STEPS):
        opt.zero_grad()
        at, row = t[i : i + 1], i % 2
        clean, added = x0[i : i + 1].double(), noise[i : i + 1].double()
        context = text["context"][row : row + 1].float().double()
        pred = predict(models, noisy(clean, added, at), at, context)
        loss = (mse(pred, velocity(clean, added, at)) * snr_weight(at, 5, v_prediction=True)).mean()
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(weights, MAX_NORM).item())
        opt.param_groups[0]["lr"] = RATE * cosine_rate(i, WARMUP, STEPS)
        opt.step()
    adapter.detach()
    return {
        "steps/timesteps": t.int(),
        "steps/x0_nhwc": nhwc(x0),
        "steps/noise_nhwc": nhwc(noise),
        "steps/rates": torch.tensor([RATE * cosine_rate(i, WARMUP, STEPS) for i in range(STEPS)]),
        "steps/max_norm": torch.tensor([MAX_NORM]),
        "steps/losses": torch.tensor(losses, dtype=torch.float64),
        "steps/grad_norms": torch.tensor(norms, dtype=torch.float64),
        **{"steps/final/" + name: weight for name, weight in adapter.weights.items() if sampled(name)},
    }


@torch.no_grad()
def sampling_goldens(models, text, steps=4, guidance=5.0):
    """DDIM with guidance, for both kinds of prediction: row 0 of the texts is the negative prompt, row 1 the prompt."""
    start = normal((1, 4, 16, 24), 199)
    context = text["context"].float().double()
    tensors = {"sampling/noise_nhwc": nhwc(start)}
    for kind, said in (("epsilon", "epsilon"), ("v", "v_prediction")):
        scheduler = DDIMScheduler(**SD15_SCHEDULE, set_alpha_to_one=False, clip_sample=False, prediction_type=said)
        scheduler.set_timesteps(steps)
        x = start.double()
        for t in scheduler.timesteps:
            both = predict(models, torch.cat([x, x]), t.double().repeat(2), context)
            x = scheduler.step(both[:1] + guidance * (both[1:] - both[:1]), t, x).prev_sample.double()
        tensors[f"sampling/{kind}_nhwc"] = nhwc(x)
    return tensors


if __name__ == "__main__":
    main(sd2, (text_goldens, grads_goldens, steps_goldens, sampling_goldens), __doc__, sd2.unused)
