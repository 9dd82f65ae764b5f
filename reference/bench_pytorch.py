"""The training step that `npm run bench` measures, by PyTorch: diffusers' U-Net of SD 1.5's shape with random weights,
a peft LoRA on kohya's 192 modules, batch 1, AdamW, autocast and loss scaling, with and without gradient checkpointing.
JSON on standard output. On a GPU: `python bench_pytorch.py`; anywhere, in small: `python bench_pytorch.py --quick`."""

import argparse
import datetime
import json
import platform
import re
import statistics
import sys
import time

import diffusers
import peft
import torch
from diffusers import UNet2DConditionModel

MODELS = dict(sd15=([320, 640, 1280, 1280], 768), tiny=([32, 64, 64, 64], 64))
# As lora.py: every Linear and 1x1 convolution inside a transformer.
TARGETS = r".*\.attentions\.\d+\.(proj_in|proj_out|transformer_blocks\.\d+\.(attn[12]\.(to_[qkv]|to_out\.0)|ff\.net\.(0\.proj|2)))$"
DTYPES = dict(fp16=torch.float16, bf16=torch.bfloat16, fp32=torch.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", choices=MODELS, default="sd15")
    parser.add_argument("--size", type=int, default=512, help="pixels, a multiple of 64")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--dtype", choices=DTYPES, help="of weights and autocast; default fp16, on the CPU fp32")
    parser.add_argument("--checkpointing", choices=["on", "off", "both"], default="both")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    parser.add_argument("--quick", action="store_true", help="tiny model, 128 pixels, two steps")
    args = parser.parse_args()
    if args.quick:
        args.model, args.size, args.steps = "tiny", 128, 2
    dtype = DTYPES[args.dtype or ("fp32" if args.device == "cpu" else "fp16")]
    # As PyTorch comes: TF32 only in convolutions, cuDNN chooses without searching.
    report = dict(
        date=datetime.datetime.now(datetime.timezone.utc).isoformat(),
        device=torch.cuda.get_device_name() if args.device == "cuda" else platform.processor() or platform.machine(),
        versions=dict(
            torch=torch.__version__,
            cuda=torch.version.cuda,
            diffusers=diffusers.__version__,
            peft=peft.__version__,
            python=platform.python_version(),
        ),
        options=vars(args),
        dtype=str(dtype),
        matmulTflops=matmul_tflops(args.device, dtype, 512 if args.device == "cpu" else 8192),
        runs=[],
    )
    for checkpointing in dict(on=[True], off=[False], both=[True, False])[args.checkpointing]:
        report["runs"].append(run(args, dtype, checkpointing))
        print(f"checkpointing {checkpointing}: {report['runs'][-1]['secondsPerStep']['median']:.4f} s", file=sys.stderr)
    print(json.dumps(report, indent=2))


def run(args, dtype, checkpointing):
    torch.manual_seed(1)
    device = args.device
    channels, hidden = MODELS[args.model]
    with torch.device(device):
        unet = UNet2DConditionModel(
            block_out_channels=channels,
            layers_per_block=2,
            cross_attention_dim=hidden,
            attention_head_dim=8,  # diffusers' SD 1.x configs mean eight heads by this
            norm_num_groups=32,
        )
    unet.requires_grad_(False)
    unet.to(dtype)
    matched = [name for name, _ in unet.named_modules() if re.fullmatch(TARGETS, name)]
    unet.add_adapter(peft.LoraConfig(r=args.rank, lora_alpha=args.rank, target_modules=matched))
    trained = [p for p in unet.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.float()
    if checkpointing:
        unet.enable_gradient_checkpointing()
    unet.train()
    model = torch.compile(unet) if args.compile else unet

    optimizer = torch.optim.AdamW(trained, lr=1e-4)
    scaler = torch.amp.GradScaler(device, enabled=dtype == torch.float16)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, device=device) ** 2
    alpha = torch.cumprod(1 - betas, 0)
    side = args.size // 8
    latents = torch.randn(1, 4, side, side, device=device)
    noise = torch.randn_like(latents)
    timestep = torch.tensor([500], device=device)
    context = torch.randn(1, 77, hidden, device=device, dtype=dtype)

    def step():
        a = alpha[timestep].reshape(-1, 1, 1, 1)
        noisy = a.sqrt() * latents + (1 - a).sqrt() * noise
        with torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32):
            prediction = model(noisy.to(dtype), timestep, context).sample
        loss = torch.nn.functional.mse_loss(prediction.float(), noise)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    first, first_seconds = timed(step, device)
    for _ in range(3 if device == "cuda" else 0):
        step()
    seconds = []
    for _ in range(args.steps):
        last, taken = timed(step, device)
        seconds.append(taken)
    started = time.perf_counter()
    for _ in range(min(args.steps, 10)):
        step()
    wait(device)
    unwaited = (time.perf_counter() - started) / min(args.steps, 10)
    median = statistics.median(seconds)
    full = args.model == "sd15" and args.size == 512
    flops = (2.6e12 if checkpointing else 1.8e12) if full else None
    return dict(
        checkpointing=checkpointing,
        loraModules=len(matched),
        loraParameters=sum(p.numel() for p in trained),
        secondsPerStep=dict(median=median, p95=quantile(seconds, 0.95), all=seconds),
        secondsPerStepUnwaited=unwaited,
        tflopsPerSecond=flops and flops / median / 1e12,
        firstStepSeconds=first_seconds,
        peakBytes=torch.cuda.max_memory_allocated() if device == "cuda" else None,
        loss=dict(first=first.item(), last=last.item()),
    )


def timed(work, device):
    wait(device)
    started = time.perf_counter()
    result = work()
    wait(device)
    return result, time.perf_counter() - started


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def quantile(values, q):
    """By linear interpolation, as the bench in TypeScript."""
    values = sorted(values)
    at = (len(values) - 1) * q
    below = int(at)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (at - below)


def matmul_tflops(device, dtype, n):
    """The vendor library's product of two n x n matrices: what this machine can do at best."""
    a, b = torch.randn(2, n, n, device=device).to(dtype)
    for _ in range(3):
        a @ b
    best = min(timed(lambda: a @ b, device)[1] for _ in range(10))
    return 2 * n**3 / best / 1e12


if __name__ == "__main__":
    # diffusers warns of `to`, which is meant here: the weights are random.
    diffusers.utils.logging.set_verbosity_error()
    main()
