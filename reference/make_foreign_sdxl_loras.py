"""SDXL LoRAs as other programs write them, all with the same change, for ../src/formats/lora/fixtures/foreign_sdxl.

Usage: python make_foreign_sdxl_loras.py SD_SCRIPTS ONETRAINER (folders with those programs' sources; packages einops and parse)

As make_foreign_loras.py, on the miniature of sdxl.py: eight layers of the U-Net and both text encoders, rank 2, alpha 3. Written by
- peft: `get_peft_model(...).save_pretrained`, each part in its folder
- diffusers: `StableDiffusionXLPipeline.save_lora_weights`, with and without `lora_adapter_metadata`
- sd-scripts: `networks/lora.py`'s network on its own SDXL U-Net, whose constants of widths and depths are set to the miniature's
- OneTrainer: its state dict, and what its converters make of it for kohya, diffusers, ComfyUI, and as its older versions wrote
`expected.safetensors` has what was put in, `<kohya name>.up` and `.down`; `outputs.safetensors` what the model with this change
makes of the first row of golden/sdxl.safetensors' inputs, in float64, after it was seen that peft, diffusers and sd-scripts make
the same of their files (OneTrainer's for kohya by sd-scripts, its for diffusers by diffusers)."""

import ast
import importlib.util
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from diffusers import DDIMScheduler, StableDiffusionXLPipeline
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import sdxl
from make_foreign_loras import ALPHA, GOLDEN, HERE, RANK, TextModel, half, sd_scripts_modules
from models import UNET_PREFIX, nchw, nhwc

OUT = HERE.parent / "src/formats/lora/fixtures/foreign_sdxl"
LAYERS = {
    "unet": [
        "down_blocks.1.attentions.0.proj_in",
        "down_blocks.1.attentions.1.transformer_blocks.1.attn2.to_k",
        "mid_block.attentions.0.transformer_blocks.0.attn2.to_v",
        "up_blocks.0.attentions.2.transformer_blocks.0.ff.net.0.proj",
        "up_blocks.1.attentions.2.transformer_blocks.1.attn1.to_out.0",
    ],
    "text_encoder": ["text_model.encoder.layers.0.self_attn.q_proj", "text_model.encoder.layers.1.mlp.fc2"],
    "text_encoder_2": ["text_model.encoder.layers.2.self_attn.out_proj"],
}
PARTS = {"unet": "unet", "text_encoder": "text1", "text_encoder_2": "text2"}
# What OneTrainer puts beside: an embedding that was trained along.
EMBEDDING = {"bundle_emb.zk.clip_l": torch.zeros((1, 8)), "bundle_emb.zk.clip_g": torch.zeros((1, 8))}


def own_path(model, path):
    """transformers 5 has no `text_model` around a text encoder without a projection."""
    return path if path in dict(model.named_modules()) else path.removeprefix("text_model.")


def loaded(dtype=torch.float32):
    return sdxl.load(dtype)[0]


def layers(models):
    """{(folder, path): (kohya's name, module)}."""
    names = {module: name for name, module in sdxl.modules(models, list(PARTS.values())).items()}
    found = {}
    for folder, paths in LAYERS.items():
        model = models[PARTS[folder]]
        for path in paths:
            module = model.get_submodule(own_path(model, path))
            found[folder, path] = names[module], module
    return found


def values(models):
    """{(folder, path): (down, up)} in numbers that halves hold."""
    generator = torch.Generator().manual_seed(20261130)
    found = {}
    for at, (_, module) in layers(models).items():
        out, inputs = module.weight.shape
        down = half(torch.randn((RANK, inputs), generator=generator) / inputs**0.5)
        found[at] = down, half(torch.randn((out, RANK), generator=generator) / 2)
    return found


def peft_and_diffusers(models, pairs):
    states, configs = {}, {}
    for folder, paths in LAYERS.items():
        model = models[PARTS[folder]]
        targets = [own_path(model, path) for path in paths]
        wrapped = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets))
        modules = dict(wrapped.base_model.model.named_modules())
        for path, target in zip(paths, targets):
            down, up = pairs[folder, path]
            modules[target].lora_A["default"].weight.data.copy_(down)
            modules[target].lora_B["default"].weight.data.copy_(up)
        wrapped.save_pretrained(OUT / f"peft/{folder}")
        (OUT / f"peft/{folder}/README.md").unlink(missing_ok=True)
        state = get_peft_model_state_dict(wrapped)
        states[folder] = {key.removeprefix("base_model.model."): value for key, value in state.items()}
        configs[folder] = wrapped.peft_config["default"].to_dict() | {"target_modules": sorted(targets)}
    for name, told in (("diffusers", True), ("diffusers_silent", False)):
        extra = {f"{folder}_lora_adapter_metadata": configs[folder] for folder in LAYERS} if told else {}
        scale = 1 if told else ALPHA / RANK  # what is not told must stand in the values
        given = {
            f"{folder}_lora_layers": {key: value * scale if "lora_B" in key else value for key, value in state.items()}
            for folder, state in states.items()
        }
        StableDiffusionXLPipeline.save_lora_weights(OUT, **given, **extra, weight_name=f"{name}.safetensors")


def original_unet(folder):
    """Its module of the U-Net, with the miniature's widths and depths."""
    path = Path(folder) / "library/sdxl_original_unet.py"
    spec = importlib.util.spec_from_file_location("library.sdxl_original_unet", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    width, _, lowest = sdxl.TINY["unet"]
    module.MODEL_CHANNELS, module.TIME_EMBED_DIM = width, 4 * width
    module.ADM_IN_CHANNELS = sdxl.TINY["hidden"][1] + 6 * sdxl.TINY["sizes"]
    depths = {2 * width: sdxl.TINY["depths"][1], lowest: sdxl.TINY["depths"][2]}

    class Transformer2DModel(module.Transformer2DModel):
        def __init__(self, **given):
            given |= dict(num_transformer_layers=depths[given["in_channels"]], cross_attention_dim=sum(sdxl.TINY["hidden"]))
            super().__init__(**given)

    module.Transformer2DModel = Transformer2DModel
    return module


def by_kohya(models):
    """sd-scripts' U-Net with the miniature's weights, and the text encoders as it has them."""
    unet = sys.modules["library.sdxl_original_unet"].SdxlUNet2DConditionModel()
    tensors = {k.removeprefix(UNET_PREFIX): v.float() for k, v in sdxl.single_file(models).items() if k.startswith(UNET_PREFIX)}
    unet.load_state_dict(tensors, strict=True)
    texts = [models["text1"], models["text2"]]
    return unet.eval(), [text if hasattr(text, "text_model") else TextModel(text) for text in texts]


def sd_scripts(folder, models, pairs):
    lora, _ = sd_scripts_modules(folder, original_unet)
    unet, texts = by_kohya(models)
    network = lora.LoRANetwork(texts, unet, lora_dim=RANK, alpha=ALPHA, is_sdxl=True)
    kept = {name: pairs[at] for at, (name, _) in layers(models).items()}
    network.unet_loras = [each for each in network.unet_loras if each.lora_name in kept]
    network.text_encoder_loras = [each for each in network.text_encoder_loras if each.lora_name in kept]
    assert len(network.unet_loras + network.text_encoder_loras) == len(kept)
    network.apply_to(texts, unet, True, True)
    for each in network.unet_loras + network.text_encoder_loras:
        down, up = kept[each.lora_name]
        each.lora_down.weight.data.copy_(down)
        each.lora_up.weight.data.copy_(up)
    network.save_weights(str(OUT / "sd_scripts.safetensors"), None, {"ss_network_dim": str(RANK)})


def onetrainer(folder, pairs):
    sys.path.insert(0, str(folder))
    from modules.util.convert_lora_util import (
        convert_lora_suffix_ab, convert_to_diffusers, convert_to_mixture, kohya_flatten, lora_kohya_conversion,
        lora_original_conversion,
    )
    from modules.util.convert_util import convert
    from modules.util.enum.ModelFormat import ModelFormat
    from modules.util.enum.ModelType import ModelType

    # Of its model class, which imports all of the program, what its converters ask.
    tree = ast.parse((Path(folder) / "modules/model/StableDiffusionXLModel.py").read_text())
    wanted = ("diffusers_to_original", "lora_text_encoders")
    functions = [node for each in tree.body if isinstance(each, ast.ClassDef) for node in each.body]
    tree.body = [node for node in tree.body if isinstance(node, ast.Assign)]
    tree.body += [node for node in functions if isinstance(node, ast.FunctionDef) and node.name in wanted]
    scope = {"torch": torch, "ModelFormat": ModelFormat}
    exec(compile(tree, "StableDiffusionXLModel.py", "exec"), scope)
    model = SimpleNamespace(model_type=ModelType.STABLE_DIFFUSION_XL_10_BASE, text_encoder_1=None, text_encoder_2=None)
    body = scope["diffusers_to_original"](model)
    model.lora_text_encoders = lambda: scope["lora_text_encoders"](model)
    model.lora_diffusers_to_kohya = lambda: body

    state = {}
    for (part, path), (down, up) in pairs.items():
        state[f"{part}.{path}.lora_down.weight"] = down
        state[f"{part}.{path}.lora_up.weight"] = up
        state[f"{part}.{path}.alpha"] = torch.tensor(float(ALPHA))
    state |= EMBEDDING

    def write(name, tensors):
        save_file({key: value.contiguous() for key, value in tensors.items()}, OUT / f"onetrainer_{name}.safetensors")

    write("internal", state)
    write("legacy", convert_to_mixture(state))
    write("kohya", kohya_flatten(convert(state, lora_kohya_conversion(model), strict=True)))
    write("diffusers", convert_to_diffusers(state))
    # As its `_save_comfy` does it.
    texts = {
        name[ModelFormat.DIFFUSERS_LORA]: name[ModelFormat.COMFY_LORA] for _, name in model.lora_text_encoders()
    }
    comfy = convert(state, lora_original_conversion(model, body), strict=True)
    comfy = convert(comfy, [("unet", "diffusion_model")], strict=False)
    comfy = convert(comfy, list(texts.items()), strict=False)
    write("comfy", convert_lora_suffix_ab(comfy, peft_convention=False))


def drawn(models, dtype=torch.float32, unet=None):
    """What U-Net and text encoders make of the first row of the goldens' inputs; `unet`: of sd-scripts, not the models'."""
    given = load_file(GOLDEN / "sdxl.safetensors")
    x, context, added = nchw(given["noisy_nhwc"])[:1].to(dtype), given["context"][:1].to(dtype), given["added"][:1].to(dtype)
    if unet is None:
        pooled = given["pooled"][:1].to(dtype)
        out = sdxl.predict(models, x, given["timesteps"][:1], context, pooled, given["sizes"][:1].to(dtype))
    else:
        out = unet(x, given["timesteps"][:1], context, added)
    states, pooled = sdxl.encode(models, given["ids"][:1].long())
    return {"unet_nhwc": nhwc(out), "context": states[:, :16], "pooled": pooled}


def with_change(pairs):
    models = loaded(torch.float64)
    for at, (_, module) in layers(models).items():
        down, up = pairs[at]
        module.weight.data += ALPHA / RANK * up.double() @ down.double()
    return models


def by_peft():
    models = loaded()
    for folder, part in PARTS.items():
        models[part] = PeftModel.from_pretrained(models[part], OUT / f"peft/{folder}")
    return drawn(models)


def by_diffusers(name):
    models = loaded()
    file = OUT / f"{name}.safetensors"
    with safe_open(file, "pt") as opened:
        told = (opened.metadata() or {}).get("lora_adapter_metadata")
    state = {key: value for key, value in load_file(file).items() if not key.startswith("bundle_emb")}
    pipe = StableDiffusionXLPipeline(
        vae=models["vae"], text_encoder=models["text1"], text_encoder_2=models["text2"], tokenizer=None, tokenizer_2=None,
        unet=models["unet"], scheduler=DDIMScheduler(), add_watermarker=False,
    )
    pipe.load_lora_weights(state if told is None else str(OUT), weight_name=file.name)
    return drawn(models)


def by_sd_scripts(lora, name):
    models = loaded()
    unet, texts = by_kohya(models)
    state = {k: v for k, v in load_file(OUT / f"{name}.safetensors").items() if not k.startswith("bundle_emb")}
    network, _ = lora.create_network_from_weights(1.0, None, None, texts, unet, weights_sd=state)
    network.apply_to(texts, unet, True, True)
    info = network.load_state_dict(state, strict=False)
    assert not info.unexpected_keys, info
    return drawn(models, unet=unet)


def relative(got, ref):
    return ((got - ref).norm() / ref.norm()).item()


def write_outputs(pairs, folder):
    want = {name: value.float() for name, value in drawn(with_change(pairs), torch.float64).items()}
    plain = drawn(loaded())
    lora, _ = sd_scripts_modules(folder, original_unet)
    for way, draw in (
        ("peft", by_peft),
        ("diffusers", lambda: by_diffusers("diffusers")),
        ("diffusers_silent", lambda: by_diffusers("diffusers_silent")),
        ("onetrainer_diffusers", lambda: by_diffusers("onetrainer_diffusers")),
        ("sd_scripts", lambda: by_sd_scripts(lora, "sd_scripts")),
        ("onetrainer_kohya", lambda: by_sd_scripts(lora, "onetrainer_kohya")),
    ):
        got = draw()
        apart = {name: relative(got[name], want[name]) for name in want}
        moved = {name: relative(plain[name], want[name]) for name in want}
        print(way, "differs from float64 by", apart, "the model without the LoRA by", moved)
        assert max(apart.values()) < 1e-4 < 1e-2 < min(moved.values()), way
    save_file({name: value.contiguous() for name, value in want.items()}, OUT / "outputs.safetensors")


@torch.no_grad()
def main(folder, one):
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    models = loaded()
    pairs = values(models)
    given = {}
    for at, (name, _) in layers(models).items():
        given |= {f"{name}.down": pairs[at][0], f"{name}.up": pairs[at][1]}
    save_file(given, OUT / "expected.safetensors")
    onetrainer(one, pairs)
    sd_scripts(folder, loaded(), pairs)
    peft_and_diffusers(models, pairs)
    write_outputs(pairs, folder)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
