"""Makes WORK from what is shipped, so that the training of the base model goes on on a new machine: vae_slim.pt, vae.safetensors
and base.pt at the step given, with a new optimizer. Usage: python restore.py --step 4788 [--work WORK]"""

import os

import torch
from safetensors.torch import save_file

from model import ROOT, empty, sd
from runs import Run, arguments
from slim import SLIM, narrowed, slim_vae


def main():
    args = arguments(12000, step=0)
    shipped = sd.load_single_file(os.path.join(ROOT, "public", "demo", "base.safetensors"), torch.float32, exact_time=False)
    slim = slim_vae()
    slim.load_state_dict(narrowed(shipped["vae"], slim))
    x = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        apart = (slim.encode(x).latent_dist.mean - shipped["vae"].encode(x).latent_dist.mean).abs().max()
    if apart > 1e-2:
        raise SystemExit(f"The narrow VAE differs from the shipped one by {apart}.")
    torch.save(slim.state_dict(), os.path.join(args.work, "vae_slim.pt"))
    save_file(shipped["vae"].state_dict(), os.path.join(args.work, "vae.safetensors"))
    unet, text = empty("unet"), empty("text")
    for own, from_file in ((unet, shipped["unet"]), (text, shipped["text"])):
        own.load_state_dict(from_file.state_dict(), strict=False)
    run = Run("base", {"unet": unet, "text": text}, args, lr=1e-3)
    run.step = args.step
    run.save()
    print(f"base.pt at step {args.step}, VAE apart by {apart:.1e}")


if __name__ == "__main__":
    main()
