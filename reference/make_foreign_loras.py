"""LoRAs as other programs write them, all with the same change, for ../src/formats/lora/fixtures/foreign.

Usage: python make_foreign_loras.py SD_SCRIPTS ONETRAINER (folders with those programs' sources)

Six layers of golden/tiny-sd15.safetensors with random values of rank 2, alpha 3. Written by
- peft: `get_peft_model(...).save_pretrained`, U-Net and text encoder each in its folder
- diffusers: `StableDiffusionPipeline.save_lora_weights`, with and without `lora_adapter_metadata`
- sd-scripts: `networks/lora.py`'s network and its `save_weights` without a precision: alpha stays the integer of its setting
- OneTrainer: its state dict (for itself) and what its `modules/util/convert_lora_util.py` makes of it for kohya and diffusers
`expected.safetensors` has alpha / rank · up·down of each layer, by kohya's name, from what was put in; `outputs.safetensors`
what the model with this change makes of `golden/unet.safetensors` and `golden/text.safetensors`, in float64, after it was
seen that peft, diffusers' `load_lora_weights` and sd-scripts' `load_weights` make the same of their files (OneTrainer's for
kohya by sd-scripts, its for diffusers by diffusers); `hashes.json` what sd-scripts' `library/train_util.py` computes for a
file of a megabyte. OneTrainer needs the package `parse`."""

import ast
import hashlib
import io
import json
import shutil
import sys
import tempfile
import types
from pathlib import Path

import safetensors.torch
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from diffusers import StableDiffusionPipeline

from models import load_single_file

HERE = Path(__file__).parent
OUT = HERE.parent / "src/formats/lora/fixtures/foreign"
RANK, ALPHA = 2, 3
LAYERS = {
    "unet": [
        "down_blocks.0.attentions.0.proj_in",
        "mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
        "up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_out.0",
        "up_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj",
    ],
    "text_encoder": ["text_model.encoder.layers.0.self_attn.q_proj", "text_model.encoder.layers.2.mlp.fc2"],
}
KOHYA = {"unet": "lora_unet_", "text_encoder": "lora_te_"}


def half(tensor):
    return tensor.half().float()


def values(models):
    """{(part, path): (down, up)} in numbers that halves hold."""
    generator = torch.Generator().manual_seed(20261129)
    found = {}
    for part, paths in LAYERS.items():
        modules = dict(models[part].named_modules())
        for path in paths:
            module = modules.get(path) or modules[path.removeprefix("text_model.")]
            out, inputs, *tail = module.weight.shape
            down = half(torch.randn((RANK, inputs, *tail), generator=generator))
            up = half(torch.randn((out, RANK, *tail), generator=generator))
            found[part, path] = down, up
    return found


def with_peft(part, model, pairs):
    paths = [path if path in dict(model.named_modules()) else path.removeprefix("text_model.") for path in LAYERS[part]]
    wrapped = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=paths))
    modules = dict(wrapped.base_model.model.named_modules())
    for given, path in zip(LAYERS[part], paths):
        down, up = pairs[part, given]
        modules[path].lora_A["default"].weight.data.copy_(down)
        modules[path].lora_B["default"].weight.data.copy_(up)
    return wrapped


def peft_and_diffusers(models, pairs):
    states, configs = {}, {}
    for part in LAYERS:
        wrapped = with_peft(part, models[part], pairs)
        wrapped.save_pretrained(OUT / f"peft_{part}")
        (OUT / f"peft_{part}/README.md").unlink(missing_ok=True)
        state = get_peft_model_state_dict(wrapped)
        states[part] = {key.removeprefix("base_model.model."): value for key, value in state.items()}
        config = wrapped.peft_config["default"].to_dict()
        config["target_modules"] = sorted(config["target_modules"])
        configs[part] = config
    for name, told in (("diffusers", True), ("diffusers_silent", False)):
        extra = {f"{part}_lora_adapter_metadata": configs[part] for part in LAYERS} if told else {}
        scale = 1 if told else ALPHA / RANK  # what is not told must stand in the values
        layers = {
            f"{part}_lora_layers": {
                key: value * scale if "lora_B" in key else value for key, value in state.items()
            }
            for part, state in states.items()
        }
        StableDiffusionPipeline.save_lora_weights(OUT, **layers, **extra, weight_name=f"{name}.safetensors")


def no_sdxl(_folder):
    """In place of its module of SDXL's U-Net, where that is not asked for."""
    module = types.ModuleType("library.sdxl_original_unet")
    module.SdxlUNet2DConditionModel = type("SdxlUNet2DConditionModel", (), {})
    return module


def sd_scripts_modules(folder, sdxl_unet=no_sdxl):
    """networks.lora with its own hash functions; what else it imports needs packages that have nothing to do with this."""
    sys.path.insert(0, str(folder))
    wanted = {"precalculate_safetensors_hashes", "addnet_hash_legacy", "addnet_hash_safetensors", "model_hash", "calculate_sha256"}
    tree = ast.parse((Path(folder) / "library/train_util.py").read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    library = types.ModuleType("library")
    train_util = types.ModuleType("library.train_util")
    train_util.__dict__.update(hashlib=hashlib, safetensors=safetensors, BytesIO=io.BytesIO)
    exec(compile(tree, "train_util.py", "exec"), train_util.__dict__)
    utils = types.ModuleType("library.utils")
    utils.setup_logging = lambda *_, **__: None
    library.train_util = train_util
    for module in (library, train_util, utils):
        sys.modules[module.__name__] = module
    sys.modules["library.sdxl_original_unet"] = sdxl_unet(folder)
    from networks import lora

    return lora, train_util


class TextModel(torch.nn.Module):
    """As transformers 4 had it, for which sd-scripts is written: all within `text_model`."""

    def __init__(self, inner):
        super().__init__()
        self.text_model = inner


def sd_scripts(folder, models, pairs):
    lora, train_util = sd_scripts_modules(folder)
    text = models["text_encoder"]
    text = text if hasattr(text, "text_model") else TextModel(text)
    network = lora.LoRANetwork(text, models["unet"], lora_dim=RANK, alpha=ALPHA)
    kept = {KOHYA[part] + path.replace(".", "_"): pair for (part, path), pair in pairs.items()}
    network.unet_loras = [each for each in network.unet_loras if each.lora_name in kept]
    network.text_encoder_loras = [each for each in network.text_encoder_loras if each.lora_name in kept]
    network.apply_to(text, models["unet"], True, True)
    for each in network.unet_loras + network.text_encoder_loras:
        down, up = kept[each.lora_name]
        each.lora_down.weight.data.copy_(down)
        each.lora_up.weight.data.copy_(up)
    network.save_weights(str(OUT / "sd_scripts.safetensors"), None, {"ss_network_dim": str(RANK)})

    # A file of more than a megabyte, where the old hash begins, by its formula: hashes.test.ts makes the same.
    numbers = (torch.arange(700_000, dtype=torch.int64) * 7919 % 30011).to(torch.int16).view(torch.float16)
    tensors = {"a.lora_down.weight": numbers.reshape(700, 1000)}
    metadata = {"ss_note": "\u4e2d", "modelspec.title": "x"}
    sshs, legacy = train_util.precalculate_safetensors_hashes(tensors, metadata)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "model.safetensors")
        save_file(tensors, file, {"ss_note": "\u4e2d"})
        hashes = dict(
            sshs_model_hash=sshs,
            sshs_legacy_hash=legacy,
            ss_sd_model_hash=train_util.model_hash(file),
            ss_new_sd_model_hash=train_util.calculate_sha256(file),
        )
    (OUT / "hashes.json").write_text(json.dumps(hashes, indent=2) + "\n")


def onetrainer(folder, pairs):
    sys.path.insert(0, str(folder))
    from modules.util.convert_lora_util import convert_lora_suffix_ab, convert_to_diffusers, kohya_flatten
    from modules.util.convert_util import convert

    state = {}
    for (part, path), (down, up) in pairs.items():
        state[f"{part}.{path}.lora_down.weight"] = down
        state[f"{part}.{path}.lora_up.weight"] = up
        state[f"{part}.{path}.alpha"] = torch.tensor(float(ALPHA))
    embedding = {"bundle_emb.zk.clip_l": torch.zeros((1, 8))}
    write = lambda name, tensors: save_file(
        {key: value.contiguous() for key, value in (tensors | embedding).items()}, OUT / f"onetrainer_{name}.safetensors"
    )
    write("internal", state)
    write("kohya", kohya_flatten(convert(state, [("unet", "lora_unet"), ("text_encoder", "lora_te")], strict=True)))
    write("diffusers", convert_to_diffusers(state))
    write("ab", convert_lora_suffix_ab(state, peft_convention=False))


def loaded():
    models = load_single_file(HERE / "golden/tiny-sd15.safetensors", torch.float32, exact_time=False, models=("unet", "text"))
    return {"unet": models["unet"], "text_encoder": models["text"]}


GOLDEN = HERE / "golden"


def drawn(models, dtype=torch.float32):
    """What U-Net and text encoder make of the goldens' inputs: the first of two pictures, the first prompt."""
    unet, text = models["unet"].to(dtype), models["text_encoder"].to(dtype)
    inputs = load_file(GOLDEN / "unet.safetensors")
    ids = load_file(GOLDEN / "text.safetensors")["ids"].long().reshape(2, 77)[:1]
    latent = inputs["latent_nhwc"].permute(0, 3, 1, 2)[:1].to(dtype)
    out = unet(latent, inputs["timesteps"][:1], inputs["context"][:1].to(dtype)).sample
    return {"unet_nhwc": out.permute(0, 2, 3, 1), "text": text(ids).last_hidden_state}


def with_change(changes):
    models = loaded()
    for part, paths in LAYERS.items():
        modules = dict(models[part].named_modules())
        for path in paths:
            weight = (modules.get(path) or modules[path.removeprefix("text_model.")]).weight
            change = changes[KOHYA[part] + path.replace(".", "_")]
            weight.data = weight.data.double() + change.double().reshape(weight.shape)
    return models


def by_diffusers(name):
    models = loaded()
    state = load_file(OUT / f"{name}.safetensors")
    state = {key: value for key, value in state.items() if not key.startswith("bundle_emb")}
    pipe = StableDiffusionPipeline(
        vae=None, unet=models["unet"], text_encoder=models["text_encoder"], tokenizer=None, scheduler=None,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    with safetensors.safe_open(OUT / f"{name}.safetensors", "pt") as file:
        told = (file.metadata() or {}).get("lora_adapter_metadata")
    pipe.load_lora_weights(state if told is None else str(OUT), weight_name=f"{name}.safetensors")
    return models


def by_sd_scripts(lora, name):
    models = loaded()
    text = models["text_encoder"]
    text = text if hasattr(text, "text_model") else TextModel(text)
    state = {k: v for k, v in load_file(OUT / f"{name}.safetensors").items() if not k.startswith("bundle_emb")}
    network, _ = lora.create_network_from_weights(1.0, None, None, text, models["unet"], weights_sd=state)
    network.apply_to(text, models["unet"], True, True)
    info = network.load_state_dict(state, strict=False)
    assert not info.unexpected_keys, info
    return models


def write_outputs(changes, pairs, sd):
    want = {name: value.float() for name, value in drawn(with_change(changes), torch.float64).items()}
    plain = drawn(loaded())
    lora, _ = sd_scripts_modules(sd)

    def by_peft():
        models = loaded()
        for part in LAYERS:
            inner = models[part]
            models[part] = PeftModel.from_pretrained(inner, OUT / f"peft_{part}")
        return models

    ways = {
        "peft": by_peft,
        "diffusers": lambda: by_diffusers("diffusers"),
        "diffusers_silent": lambda: by_diffusers("diffusers_silent"),
        "onetrainer_diffusers": lambda: by_diffusers("onetrainer_diffusers"),
        "sd_scripts": lambda: by_sd_scripts(lora, "sd_scripts"),
        "onetrainer_kohya": lambda: by_sd_scripts(lora, "onetrainer_kohya"),
    }
    relative = lambda got, ref: ((got - ref).norm() / ref.norm()).item()
    for way, load in ways.items():
        got = drawn(load())
        apart = {name: relative(got[name], want[name]) for name in want}
        moved = {name: relative(plain[name], want[name]) for name in want}
        print(way, "differs from float64 by", apart, "the model without the LoRA by", moved)
        assert max(apart.values()) < 1e-4 < min(moved.values()), way
    save_file({name: value.contiguous() for name, value in want.items()}, OUT / "outputs.safetensors")


@torch.no_grad()
def main(sd, one):
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    models = loaded()
    pairs = values(models)
    changes = {}
    for (part, path), (down, up) in pairs.items():
        changes[KOHYA[part] + path.replace(".", "_")] = (up.flatten(1) @ down.flatten(1)) * ALPHA / RANK
    save_file(changes, OUT / "expected.safetensors")
    failed = []
    for name, make in (
        ("onetrainer", lambda: onetrainer(one, pairs)),
        ("peft and diffusers", lambda: peft_and_diffusers(models, pairs)),
        ("sd-scripts", lambda: sd_scripts(sd, loaded(), pairs)),
        ("outputs", lambda: write_outputs(changes, pairs, sd)),
    ):
        try:
            make()
            print(name, "written", flush=True)
        except Exception as error:  # what another program lacks here is said, and the others go on
            failed.append(name)
            print(name, "failed:", repr(error), flush=True)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
