"""Do diffusers and peft, loading what `npm run lora -- convert` writes, change the weights as the LoRA itself does?

Usage: npm run lora -- convert LORA --to diffusers --out written.safetensors; npm run lora -- convert LORA --to peft --out written;
       python check_written.py BASE.safetensors LORA.safetensors written.safetensors written

Loads the written files by their own code (`load_lora_weights`, `PeftModel.from_pretrained`), merges them, and compares the
weights with W + alpha / rank · up·down of LORA, in float32. Exit 1 if a layer is not changed by it, or differs by over 1e-5
of its largest number."""

import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file

from check_lora import load_pipeline

PREFIX = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}


def weights(model):
    """{path, without text_model.: weight}"""
    return {
        name.removesuffix(".weight").removeprefix("text_model."): value.detach().clone()
        for name, value in model.named_parameters()
        if name.endswith(".weight")
    }


def compare(what, part, before, after, lora):
    worst, changed = 0.0, 0
    for path, weight in before.items():
        name = PREFIX[part] + path.replace(".", "_")
        wanted = weight
        if f"{name}.lora_down.weight" in lora:
            down, up = lora[f"{name}.lora_down.weight"].float(), lora[f"{name}.lora_up.weight"].float()
            wanted = weight + (lora[f"{name}.alpha"].item() / down.shape[0] * up.flatten(1) @ down.flatten(1)).view_as(weight)
            changed += 1
        worst = max(worst, ((after[path] - wanted).abs().max() / wanted.abs().max()).item())
    total = sum(name.startswith(PREFIX[part]) and name.endswith(".alpha") for name in lora)
    good = worst <= 1e-5 and changed == total > 0
    print(f"{what}, {part}: {changed} of {total} layers, worst difference {worst:.1e}: {'PASS' if good else 'FAIL'}")
    return good


def main(base, lora_file, diffusers_file, peft_folder):
    lora = load_file(lora_file)
    pipeline = load_pipeline(base)
    parts = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
    before = {part: weights(model) for part, model in parts.items()}
    pipeline.load_lora_weights(diffusers_file)
    pipeline.fuse_lora(components=list(parts))
    pipeline.unload_lora_weights()
    good = [compare("diffusers", part, before[part], weights(model), lora) for part, model in parts.items()]
    pipeline = load_pipeline(base)
    for part, model in {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}.items():
        merged = PeftModel.from_pretrained(model, f"{peft_folder}/{part}").merge_and_unload()
        good.append(compare("peft", part, before[part], weights(merged), lora))
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
