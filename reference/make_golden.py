"""Writes the golden numbers of golden/*.safetensors and *.json for golden/tiny-sd15.safetensors: inputs are
rounded to float32 (weights are the file's fp16), everything between is float64. golden/README.md lists keys.
One file, though long, because the parts share their inputs and each is a few lines.
Usage: python make_golden.py [text vae unet lora grads steps sampling schedule]   (default: all)"""

import json
import math
import os
import sys

import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from diffusers.optimization import get_scheduler
from safetensors.torch import load_file, save_file

import lora
from models import TINY, alphas_cumprod, encode, encode_long, load_single_file, nchw, nhwc

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
BASE = os.path.join(GOLDEN, "tiny-sd15.safetensors")
SCALING = 0.18215
# One of every kind of module, at the top level and at the bottom: what the shorter training runs record.
SAMPLE_BLOCKS = ("down_blocks_0_attentions_1_", "mid_block_attentions_0_", "up_blocks_1_attentions_2_")


def normal(shape, seed, std=1.0):
    return std * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def save(name, tensors, **metadata):
    tensors = {k: (v.float() if v.is_floating_point() else v).detach().contiguous() for k, v in tensors.items()}
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            sys.exit(f"{name}: {key} is not finite")
    path = os.path.join(GOLDEN, name)
    save_file(tensors, path, metadata={k: str(v) for k, v in metadata.items()} or None)
    print(f"{name}: {os.path.getsize(path)} bytes, {len(tensors)} tensors")


def prompts(count, seed, length=77):
    """Token ids [count, length]: BOS, 5..length-2 tokens, EOS to the end (SD 1.x pads with EOS)."""
    generator = torch.Generator().manual_seed(seed)
    bos, eos = TINY["vocab"] - 2, TINY["vocab"] - 1
    ids = torch.full((count, length), eos)
    ids[:, 0] = bos
    for row in ids:
        used = int(torch.randint(5, length - 1, (1,), generator=generator))
        row[1 : 1 + used] = torch.randint(0, bos, (used,), generator=generator)
    return ids


def text_goldens(models):
    text = models["text"]
    ids, long_ids = prompts(2, 11), prompts(1, 12, 227)
    long_ids[:, 190:-1] = 7  # so that the third chunk is in use, whatever the length drawn
    tensors = {"ids": ids.int(), "long_ids": long_ids.int()}
    for skip in (1, 2):
        tensors[f"clip_skip_{skip}"] = encode(text, ids, skip)
        tensors[f"long_clip_skip_{skip}"] = encode_long(text, long_ids, skip)
    save("text.safetensors", tensors)


def vae_goldens(models):
    vae = models["vae"]
    ramp = torch.linspace(-1, 1, 96)[None, None, None] * torch.tensor([1.0, -0.5, 0.2])[None, :, None, None]
    image = (0.6 * ramp + normal((1, 3, 64, 96), 21, 0.3)).clamp(-1, 1)
    eps, latent = normal((1, 4, 8, 12), 22), normal((1, 4, 8, 12), 23, SCALING * 5)
    posterior = vae.encode(image.double()).latent_dist
    sample = (posterior.mean + posterior.std * eps.double()) * SCALING
    save(
        "vae.safetensors",
        {
            "image_nhwc": nhwc(image),
            "mean_nhwc": nhwc(posterior.mean),
            "logvar_nhwc": nhwc(posterior.logvar),
            "eps_nhwc": nhwc(eps),
            "sample_nhwc": nhwc(sample),
            "latent_nhwc": nhwc(latent),
            "decoded_nhwc": nhwc(vae.decode(latent.double() / SCALING).sample),
        },
    )


def record(unet, run):
    """What run() makes the U-Net's conv_in, time embedding, down, mid and up blocks put out."""
    seen, handles = {}, []

    def keep(name):
        def hook(_module, _inputs, output):
            if isinstance(output, tuple):
                for i, residual in enumerate(output[1]):
                    seen[f"{name}_residual_{i}"] = residual
            else:
                seen[name] = output

        return hook

    parts = {"time_embedding": unet.time_embedding, "conv_in": unet.conv_in, "mid": unet.mid_block}
    parts.update({f"down_{i}": b for i, b in enumerate(unet.down_blocks)})
    parts.update({f"up_{i}": b for i, b in enumerate(unet.up_blocks)})
    for name, part in parts.items():
        handles.append(part.register_forward_hook(keep(name)))
    out = run()
    for handle in handles:
        handle.remove()
    return out, seen


def contexts(text, ids):
    """Hidden states rounded to float32, since they are inputs where the text encoder is not trained."""
    return encode(text, ids).float()


def unet_goldens(models):
    unet, text = models["unet"], models["text"]
    latent, t = normal((2, 4, 16, 24), 31), torch.tensor([37, 810])
    context = contexts(text, prompts(2, 32))
    out, seen = record(unet, lambda: unet(latent.double(), t, context.double()).sample)
    tensors = {"latent_nhwc": nhwc(latent), "timesteps": t.int(), "context": context, "out_nhwc": nhwc(out)}
    for name, value in seen.items():
        # The second item alone: enough to find the block that differs.
        tensors["block/" + name] = nhwc(value)[1:] if value.dim() == 4 else value[1:]
    long_latent, long_t = normal((1, 4, 16, 16), 33), torch.tensor([500])
    long_context = encode_long(text, prompts(1, 34, 227)).float()
    tensors |= {
        "long_latent_nhwc": nhwc(long_latent),
        "long_timesteps": long_t.int(),
        "long_context": long_context,
        "long_out_nhwc": nhwc(unet(long_latent.double(), long_t, long_context.double()).sample),
    }
    save("unet.safetensors", tensors)


def lora_goldens(models):
    """A LoRA whose up weights are not zero, and the U-Net's and text encoder's outputs with it."""
    unet, text = models["unet"], models["text"]
    found = lora.modules(unet, text)
    tensors = lora.initial(found, 4, 2, torch.Generator().manual_seed(41), up_std=0.2)
    save("lora_init.safetensors", tensors, ss_network_dim=4, ss_network_alpha=2.0, ss_network_module="networks.lora")
    inputs = load_file(os.path.join(GOLDEN, "unet.safetensors"))
    latent, context = nchw(inputs["latent_nhwc"]).double(), inputs["context"].double()
    out = {}
    for key, multiplier in (("out_nhwc", 1.0), ("out_weight_0.6_nhwc", 0.6)):
        adapter = lora.Adapter(found, tensors, multiplier=multiplier)
        out[key] = nhwc(unet(latent, inputs["timesteps"].long(), context).sample)
        if multiplier == 1.0:
            out["text_out"] = encode(text, load_file(os.path.join(GOLDEN, "text.safetensors"))["ids"].long())
        adapter.detach()
    save("unet_lora.safetensors", out)


def snr(t):
    a = alphas_cumprod()[t]
    return a / (1 - a)


def snr_weight(t, gamma, v_prediction=False):
    s = snr(t)
    return s.clamp(max=gamma) / (s + 1 if v_prediction else s)


def noisy(x0, noise, t):
    a = alphas_cumprod()[t][:, None, None, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


def velocity(x0, noise, t):
    a = alphas_cumprod()[t][:, None, None, None]
    return a.sqrt() * noise - (1 - a).sqrt() * x0


def mse(pred, target):
    return ((pred - target) ** 2).mean(dim=(1, 2, 3))


def grads_goldens(models):
    unet, text = models["unet"], models["text"]
    start = load_file(os.path.join(GOLDEN, "lora_init.safetensors"))
    x0, noise = normal((2, 4, 16, 24), 51, 0.9), normal((2, 4, 16, 24), 52)
    t, ids = torch.tensor([37, 640]), prompts(2, 53)
    context = contexts(text, ids)
    noised = noisy(x0.double(), noise.double(), t)
    tensors = {
        "x0_nhwc": nhwc(x0),
        "noise_nhwc": nhwc(noise),
        "timesteps": t.int(),
        "ids": ids.int(),
        "context": context,
        "noisy_nhwc": nhwc(noised),
    }

    # U-Net alone: plain mean squared error, every gradient.
    adapter = lora.Adapter(lora.modules(unet), start)
    pred = unet(noised, t, context.double()).sample
    per_sample = mse(pred, noise.double())
    per_sample.mean().backward()
    tensors |= {
        "unet_only/pred_nhwc": nhwc(pred),
        "unet_only/loss_per_sample": per_sample,
        "unet_only/loss": per_sample.mean()[None],
        "unet_only/loss_min_snr_5": (per_sample * snr_weight(t, 5)).mean()[None],
        "unet_only/snr_weights": snr_weight(t, 5),
        "unet_only/loss_v": mse(pred, velocity(x0.double(), noise.double(), t)).mean()[None],
        "unet_only/loss_v_min_snr_5": (
            mse(pred, velocity(x0.double(), noise.double(), t)) * snr_weight(t, 5, True)
        ).mean()[None],
        "v_target_nhwc": nhwc(velocity(x0.double(), noise.double(), t)),
    }
    tensors |= {"unet_only/" + name: grad for name, grad in adapter.gradients().items()}
    adapter.detach()

    # U-Net and text encoder: min-SNR loss, the encoder's gradients and the sampled U-Net modules'.
    adapter = lora.Adapter(lora.modules(unet, text), start)
    states = encode(text, ids)
    states.retain_grad()
    pred = unet(noised, t, states).sample
    loss = (mse(pred, noise.double()) * snr_weight(t, 5)).mean()
    loss.backward()
    tensors |= {
        "with_text/context": states,
        "with_text/context_grad": states.grad,
        "with_text/pred_nhwc": nhwc(pred),
        "with_text/loss_min_snr_5": loss[None],
    }
    for name, grad in adapter.gradients().items():
        if name.startswith("lora_te_") or sampled(name):
            tensors["with_text/" + name] = grad
    adapter.detach()
    save("grads.safetensors", tensors)


def sampled(name):
    return any(block in name for block in SAMPLE_BLOCKS)


class Lion:
    """Lion (Chen et al. 2023) with decoupled weight decay."""

    def __init__(self, weights, lr, betas=(0.9, 0.99), weight_decay=0.01):
        self.weights, self.betas, self.weight_decay = weights, betas, weight_decay
        self.param_groups = [{"lr": lr, "initial_lr": lr, "params": weights}]
        self.momentum = [torch.zeros_like(w) for w in weights]

    @torch.no_grad()
    def step(self):
        lr = self.param_groups[0]["lr"]
        for weight, momentum in zip(self.weights, self.momentum):
            update = (self.betas[0] * momentum + (1 - self.betas[0]) * weight.grad).sign()
            weight.mul_(1 - lr * self.weight_decay).sub_(lr * update)
            momentum.mul_(self.betas[1]).add_(weight.grad, alpha=1 - self.betas[1])


def cosine_rate(step, warmup, total):
    """diffusers' cosine schedule: the very first step of a warm-up has rate 0."""
    if step < warmup:
        return step / warmup
    return max(0.0, 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))))


def train(models, start, data, steps, optimizer, lr, warmup, accumulate=1):
    """U-Net LoRA training on a fixed list of micro-batches; returns what each optimizer step saw."""
    unet = models["unet"]
    adapter = lora.Adapter(lora.modules(unet), start)
    weights = list(adapter.weights.values())
    opt = (
        torch.optim.AdamW(weights, lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
        if optimizer == "adamw"
        else Lion(weights, lr)
    )
    losses, norms, rates = [], [], []
    for step in range(steps):
        rate = lr * cosine_rate(step, warmup, steps)
        for weight in weights:
            weight.grad = None
        for micro in range(accumulate):
            i = step * accumulate + micro
            t = data["timesteps"][i].long()
            x0 = nchw(data["x0_pool_nhwc"][data["x0_index"][i].long()]).double()
            noise = nchw(data["noise_nhwc"][i]).double()
            context = data["context_pool"][data["context_index"][i].long()].double()
            pred = unet(noisy(x0, noise, t), t, context).sample
            loss = (mse(pred, noise) * snr_weight(t, 5)).mean()
            (loss / accumulate).backward()
            losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(weights, data["max_norm"].item()).item())
        opt.param_groups[0]["lr"] = rate
        rates.append(rate)
        opt.step()
    adapter.detach()
    series = {"losses": losses, "grad_norms": norms, "rates": rates}
    return {k: torch.tensor(v, dtype=torch.float64) for k, v in series.items()}, adapter.weights


def steps_goldens(models):
    text = models["text"]
    start = lora.initial(lora.modules(models["unet"]), 2, 1, torch.Generator().manual_seed(61))
    data = {
        "x0_pool_nhwc": nhwc(normal((6, 4, 16, 16), 62, 0.9)),
        "x0_index": torch.randint(0, 6, (30, 2), generator=torch.Generator().manual_seed(63)).int(),
        "noise_nhwc": normal((30, 2, 16, 16, 4), 64),
        "timesteps": torch.randint(0, 1000, (30, 2), generator=torch.Generator().manual_seed(65)).int(),
        "context_pool": contexts(text, prompts(4, 66)),
        "context_index": torch.randint(0, 4, (30, 2), generator=torch.Generator().manual_seed(67)).int(),
        # Below kohya's 1.0, so that clipping takes part: the tiny model's gradient norms lie about this.
        "max_norm": torch.tensor([0.05]),
    }
    tensors = dict(data)
    tensors |= {"start/" + k: v for k, v in start.items() if not k.endswith("lora_up.weight")}
    runs = {
        "adamw": dict(steps=30, optimizer="adamw", lr=1e-2, warmup=3),
        "lion": dict(steps=8, optimizer="lion", lr=5e-3, warmup=2),
        "accumulate": dict(steps=4, optimizer="adamw", lr=1e-2, warmup=1, accumulate=2),
    }
    for name, options in runs.items():
        series, final = train(models, start, data, **options)
        tensors |= {f"{name}/{k}": v for k, v in series.items()}
        tensors |= {f"{name}/final/{k}": v for k, v in final.items() if name == "adamw" or sampled(k)}
        print(name, "losses", series["losses"][:3].tolist(), "...", series["losses"][-1].item())
        print(name, "norms", series["grad_norms"].min().item(), series["grad_norms"].max().item())
    save("steps.safetensors", tensors)


SD15_SCHEDULE = dict(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    num_train_timesteps=1000,
    steps_offset=1,
    timestep_spacing="leading",
)


def samplers():
    return {
        "ddim": DDIMScheduler(**SD15_SCHEDULE, set_alpha_to_one=False, clip_sample=False),
        "euler": EulerDiscreteScheduler(**SD15_SCHEDULE),
        "dpmpp_2m": DPMSolverMultistepScheduler(
            **SD15_SCHEDULE, algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint"
        ),
    }


def sampling_goldens(models, steps=8, guidance=5.0):
    unet, vae, text = models["unet"], models["vae"], models["text"]
    start, ids = normal((1, 4, 16, 16), 71), prompts(2, 72)
    context = contexts(text, ids)
    tensors = {
        "noise_nhwc": nhwc(start),
        "ids": ids.int(),
        "context": context,
        "guidance": torch.tensor([guidance]),
    }
    with torch.no_grad():
        for name, scheduler in samplers().items():
            scheduler.set_timesteps(steps)
            x = start.double() * float(scheduler.init_noise_sigma)
            trail = []
            for t in scheduler.timesteps:
                scaled = scheduler.scale_model_input(x, t).double()
                both = unet(torch.cat([scaled, scaled]), t.double().repeat(2), context.double()).sample
                eps = both[:1] + guidance * (both[1:] - both[:1])
                x = scheduler.step(eps, t, x).prev_sample.double()
                trail.append(x)
            tensors |= {
                f"{name}/timesteps": scheduler.timesteps.double(),
                f"{name}/init_noise_sigma": torch.tensor([float(scheduler.init_noise_sigma)]),
                f"{name}/trail_nhwc": nhwc(torch.cat(trail)),
                f"{name}/latent_nhwc": nhwc(x),
            }
            if hasattr(scheduler, "sigmas"):
                tensors[f"{name}/sigmas"] = scheduler.sigmas
            if name == "ddim":
                tensors["ddim/decoded_nhwc"] = nhwc(vae.decode(x / SCALING).sample)
            print(name, [round(v.std().item(), 3) for v in trail])
    save("sampling.safetensors", tensors)


def schedule_goldens(_models):
    names = ("constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial")
    steps, warmup, cycles, power = 50, 5, 3, 2.0
    rates = {}
    for name in names:
        # At a rate of 1 the learning rate is the multiplier; polynomial ends at diffusers' 1e-7, absolute.
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        extra = {"cosine_with_restarts": {"num_cycles": cycles}, "polynomial": {"power": power}}.get(name, {})
        scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=steps, **extra)
        rates[name] = []
        for _ in range(steps):
            rates[name].append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    a = alphas_cumprod()
    ts = [0, 1, 50, 146, 147, 148, 250, 500, 750, 999]
    at = torch.tensor(ts)
    golden = {
        "steps": steps,
        "warmup": warmup,
        "restart_cycles": cycles,
        "polynomial_power": power,
        "polynomial_lr_end_at_lr_1": 1e-7,
        "rates": rates,
        "timesteps": ts,
        "alphas_cumprod": a[at].tolist(),
        "snr": snr(at).tolist(),
        "min_snr_5_epsilon": snr_weight(at, 5).tolist(),
        "min_snr_5_v": snr_weight(at, 5, True).tolist(),
        "debiased": (1 / snr(at).clamp(max=1000).sqrt()).tolist(),
        "mean_min_snr_5_epsilon": snr_weight(torch.arange(1000), 5).mean().item(),
    }
    with open(os.path.join(GOLDEN, "schedule.json"), "w") as file:
        json.dump(golden, file, indent=1)
    print("schedule.json", golden["mean_min_snr_5_epsilon"])


PARTS = dict(
    text=text_goldens,
    vae=vae_goldens,
    unet=unet_goldens,
    lora=lora_goldens,
    grads=grads_goldens,
    steps=steps_goldens,
    sampling=sampling_goldens,
    schedule=schedule_goldens,
)

if __name__ == "__main__":
    wanted = sys.argv[1:] or list(PARTS)
    loaded = load_single_file(BASE)
    for part in wanted:
        PARTS[part](loaded)
