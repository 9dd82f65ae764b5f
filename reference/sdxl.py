"""Stable Diffusion XL from diffusers' and transformers' own classes, in miniature and in full, and the names its tensors have
in a single file (Stability's layout). The small one's weights are hashes of those names, so that no file is committed."""

import re

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from make_varied import weight
from models import UNET_PREFIX, VAE_PREFIX, ExactTimeProjection, unet_ldm_name, vae_ldm_name

TEXT1_PREFIX = "conditioner.embedders.0.transformer."
TEXT2_PREFIX = "conditioner.embedders.1.model."
SCALING = 0.13025
VOCAB = 1024
# Channels that differ from level to level, two heads in the lowest, two blocks in a transformer of the middle level.
# diffusers wants a depth for the level without transformers too.
TINY = dict(
    unet=[32, 64, 128],
    depths=[1, 2, 1],
    sizes=32,
    vae=[32, 32, 32, 32],
    vae_layers=1,
    hidden=[64, 128],
    text_layers=[3, 3],
    vocab=VOCAB,
)
# SDXL base 1.0 itself.
SDXL = dict(
    unet=[320, 640, 1280],
    depths=[1, 2, 10],
    sizes=256,
    vae=[128, 256, 512, 512],
    vae_layers=2,
    hidden=[768, 1280],
    text_layers=[12, 32],
    vocab=49408,
)


def text_config(config, index, act, pad):
    hidden, vocab = config["hidden"][index], config["vocab"]
    return CLIPTextConfig(
        vocab_size=vocab,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=config["text_layers"][index],
        num_attention_heads=hidden // 64,
        max_position_embeddings=77,
        hidden_act=act,
        bos_token_id=vocab - 2,
        eos_token_id=vocab - 1,
        pad_token_id=pad,
        projection_dim=hidden,
        attn_implementation="sdpa",
    )


def vae(config, scaling):
    return AutoencoderKL(
        block_out_channels=config["vae"],
        layers_per_block=config["vae_layers"],
        latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        scaling_factor=scaling,
    )


def frozen(models):
    for model in models.values():
        model.eval()
        model.requires_grad_(False)
    return models


def build(config=TINY):
    """{unet, vae, text1, text2} on the meta device: shapes without weights."""
    with torch.device("meta"):
        models = dict(
            unet=UNet2DConditionModel(
                block_out_channels=config["unet"],
                layers_per_block=2,
                down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
                transformer_layers_per_block=config["depths"],
                attention_head_dim=[max(1, width // 64) for width in config["unet"]],  # diffusers' SDXL configs mean the number of heads by this
                cross_attention_dim=sum(config["hidden"]),
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=config["sizes"],
                projection_class_embeddings_input_dim=config["hidden"][1] + 6 * config["sizes"],
                sample_size=128,
            ),
            vae=vae(config, SCALING),
            text1=CLIPTextModel(text_config(config, 0, "quick_gelu", config["vocab"] - 1)),
            text2=CLIPTextModelWithProjection(text_config(config, 1, "gelu", 0)),
        )
    models["unet"].time_proj = ExactTimeProjection(config["unet"][0])
    models["unet"].add_time_proj = ExactTimeProjection(config["sizes"])
    return frozen(models)


def unet_name(name):
    for number in "12":
        name = name.replace(f"add_embedding.linear_{number}.", f"label_emb.0.{2 * int(number) - 2}.")
    if name.startswith("label_emb."):
        return name
    ldm = unet_ldm_name(name)
    # Here the lowest level has transformers, so its upsampler comes third too.
    return ldm.replace("output_blocks.2.1.conv.", "output_blocks.2.2.conv.")


OPENCLIP = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
OPENCLIP_INNER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def entries(models):
    """(part, own name, name in the single file, shape there, how): `how` is {} or says what of that tensor it is, as
    {"rows": [index, of]} or {"transposed": true}. Names without `text_model.` get it back."""
    for part, model in models.items():
        for name, tensor in model.state_dict().items():
            shape = list(tensor.shape)
            how = {}
            if part == "unet":
                file = UNET_PREFIX + unet_name(name)
            elif part == "vae":
                file, shape = vae_file(name, shape)
            elif part == "text1":
                file = TEXT1_PREFIX + "text_model." + inner(name)
            else:
                file, shape, how = openclip(name, shape)
            yield part, name, file, shape, how


def vae_file(name, shape):
    """The file's name of a tensor of the VAE, and its shape there: projections are convolutions of one pixel."""
    file = VAE_PREFIX + vae_ldm_name(name)
    return file, [*shape, 1, 1] if ".attn_1." in file and len(shape) == 2 else shape


def openclip(name, shape, prefix=TEXT2_PREFIX):
    """OpenCLIP's name of a tensor, its shape there, and what of it `name` is."""
    own = inner(name)
    if own == "text_projection.weight":
        return prefix + "text_projection", shape[::-1], {"transposed": True}
    if own in OPENCLIP:
        return prefix + OPENCLIP[own], shape, {}
    _, _, layer, rest = own.split(".", 3)
    path, leaf = rest.rsplit(".", 1)
    block = f"{prefix}transformer.resblocks.{layer}."
    if path in OPENCLIP_INNER:
        return f"{block}{OPENCLIP_INNER[path]}.{leaf}", shape, {}
    index = ["q_proj", "k_proj", "v_proj"].index(path.removeprefix("self_attn."))
    return f"{block}attn.in_proj_{leaf}", [3 * shape[0], *shape[1:]], {"rows": [index, 3]}


def single_file(models):
    """{name: fp16 tensor} of the whole model."""
    shapes = {file: shape for _, _, file, shape, _ in entries(models)}
    return {file: weight(file, tuple(shape)) for file, shape in shapes.items()}


def as_diffusers_reads(tensors, models):
    """{part: {own name: tensor}} by diffusers' converters of single files."""
    text1 = convert_ldm_clip_checkpoint(dict(tensors), remove_prefix=TEXT1_PREFIX)
    text2 = convert_open_clip_checkpoint(models["text2"], dict(tensors), prefix=TEXT2_PREFIX)
    return dict(
        unet=convert_ldm_unet_checkpoint(dict(tensors), models["unet"].config),
        vae=convert_ldm_vae_checkpoint(dict(tensors), models["vae"].config),
        text1=text1,
        text2=text2,
    )


def ours(tensors, models, of=entries):
    """The same by `of`."""
    states = {part: {} for part in models}
    for part, name, file, _, how in of(models):
        states[part][name] = taken(tensors[file], how).reshape(models[part].state_dict()[name].shape)
    return states


def taken(tensor, how):
    """What of a file's tensor `how` says."""
    if "rows" in how:
        index, of = how["rows"]
        tensor = tensor.chunk(of)[index]
    return tensor.T if how.get("transposed") else tensor


def load(dtype=torch.float64, path=None):
    """The small models with their weights, or those of a single file of their shapes, and their names proven by diffusers'
    converters; those weights as halves, as the file has them and by their own names."""
    models = build()
    tensors = load_file(path) if path else single_file(models)
    return models, tensors, fill(models, ours(tensors, models), as_diffusers_reads(tensors, models), dtype)


def inner(name):
    """Of a tensor or a module of a text encoder: transformers 5 has no `text_model` around one without a projection."""
    return name.removeprefix("text_model.")


def text_model(model):
    return getattr(model, "text_model", model)


def fill(models, states, read, dtype):
    """Gives the models their weights, which must be what diffusers' converters read; gives `states` back."""
    for part, state in states.items():
        theirs = {own_name(state, name): tensor for name, tensor in read[part].items() if not name.endswith("position_ids")}
        assert set(theirs) == set(state), (part, sorted(set(theirs) ^ set(state))[:6])
        for name, tensor in state.items():
            assert torch.equal(theirs[name], tensor), (part, name)
        models[part].load_state_dict({n: t.to(dtype) for n, t in state.items()}, strict=True, assign=True)
        models[part].requires_grad_(False)
        if part.startswith("text"):
            number_positions(models[part])
    return states


def own_name(state, name):
    """A tensor's name as the converters give it -> as the module has it: transformers 5 has no `text_model` in between."""
    return name if name in state else name.removeprefix("text_model.")


def number_positions(text):
    """Gives a text encoder the buffer that no checkpoint holds, which is still on the meta device."""
    for module in text.modules():
        if hasattr(module, "position_embedding"):
            module.position_ids = torch.arange(77)[None]


def padded(ids, vocab=VOCAB):
    """[B, 77] padded with the end token -> what the second tokenizer gives: 0 behind the first end token."""
    ends = (ids == vocab - 1).int().argmax(-1)
    return torch.where(torch.arange(ids.shape[1]) > ends[:, None], 0, ids)


def encode(models, ids, chunks=1, vocab=VOCAB):
    """ids [B * chunks, 77] as the first tokenizer pads -> context [B, 75 chunks + 2, C], pooled [B, P]. Of both encoders the
    states before the last layer, without the final norm; pooled at the first end token of the first chunk."""
    torch.set_default_dtype(torch.float64)  # older transformers make their causal mask in it
    first = models["text1"](input_ids=ids, output_hidden_states=True).hidden_states[-2]
    second = models["text2"](input_ids=padded(ids, vocab), output_hidden_states=True)
    torch.set_default_dtype(torch.float32)
    context = joined(torch.cat([first, second.hidden_states[-2]], -1), chunks)
    return context, second.text_embeds[::chunks]


def joined(states, chunks):
    """States [B * chunks, 77, C] -> [B, 75 chunks + 2, C]: the first start, what is between, the last end."""
    states = states.reshape(-1, chunks, *states.shape[1:])
    return torch.cat([states[:, :1, 0], *[states[:, i, 1:-1] for i in range(chunks)], states[:, -1:, -1]], 1)


def predict(models, x, t, context, pooled, sizes):
    """The U-Net as diffusers runs it; sizes [B, 6]: original h, w, crop top, left, target h, w."""
    return models["unet"](x, t, context, added_cond_kwargs=dict(text_embeds=pooled, time_ids=sizes)).sample


def kohya_name(part, name, file):
    """Of a module, from its names with `.weight` behind."""
    if part == "unet":
        return "lora_unet_" + file.removeprefix(UNET_PREFIX).removesuffix(".weight").replace(".", "_")
    name = name.removeprefix("text_model.").removesuffix(".weight")  # transformers 5 has `text_model` in one encoder alone
    return f"lora_te{part[-1]}_text_model_" + name.replace(".", "_")


MODULE = {
    "unet": re.compile(r"\.attentions\.\d+\.(proj_in|proj_out|transformer_blocks\.\d+\.(attn|ff)\S+)\.weight$"),
    "text1": re.compile(r"encoder\.layers\.\d+\.(self_attn\.\w+_proj|mlp\.fc[12])\.weight$"),
}
MODULE["text2"] = MODULE["text1"]


def modules(models, parts):
    """{kohya name: module}, of the U-Net first."""
    found = {}
    for part, name, file, _, _ in entries(models):
        if part in parts and MODULE[part].search(name):
            found[kohya_name(part, name, file)] = models[part].get_submodule(name.removesuffix(".weight"))
    return found
