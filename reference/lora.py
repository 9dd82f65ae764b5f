"""LoRA as kohya's networks.lora defines it: default modules, names, initialisation, forward."""

import math
import re

import torch
from torch.nn.functional import conv2d, linear

# In an SD 1.x U-Net every Linear and 1x1 Conv2d inside a Transformer2DModel; in the text encoder every
# Linear of attention and MLP.
UNET_MODULE = re.compile(
    r".*\.attentions\.\d+\.(proj_in|proj_out|transformer_blocks\.\d+\.(attn[12]\.(to_[qkv]|to_out\.0)|ff\.net\.(0\.proj|2)))$"
)
TEXT_MODULE = re.compile(r"encoder\.layers\.\d+\.(self_attn\.(q|k|v|out)_proj|mlp\.fc[12])$")


def modules(unet=None, text=None):
    """{kohya name: module}: U-Net modules first, then the text encoder's."""
    found = {}
    if unet is not None:
        for name, module in unet.named_modules():
            if UNET_MODULE.match(name):
                found["lora_unet_" + name.replace(".", "_")] = module
    if text is not None:
        for name, module in text.named_modules():
            name = name.removeprefix("text_model.")
            if TEXT_MODULE.match(name):
                found["lora_te_text_model_" + name.replace(".", "_")] = module
    return found


def initial(found, rank, alpha, generator, up_std=0.0):
    """Kohya tensors in float32: down U(+-1/sqrt(fan in)), up zeros or N(0, up_std), alpha []."""
    tensors = {}
    for name, module in found.items():
        out_size, in_size = module.weight.shape[:2]
        tail = module.weight.shape[2:]
        bound = 1 / math.sqrt(in_size)
        tensors[name + ".lora_down.weight"] = (2 * torch.rand((rank, in_size, *tail), generator=generator) - 1) * bound
        noise = torch.randn((out_size, rank, *tail), generator=generator)
        tensors[name + ".lora_up.weight"] = noise * up_std
        tensors[name + ".alpha"] = torch.tensor(float(alpha))
    return tensors


class Adapter:
    """Adds a LoRA's branches to modules while it is attached. Weights are leaves of dtype float64."""

    def __init__(self, found, tensors, dtype=torch.float64, multiplier=1.0):
        self.weights = {}
        self.handles = []
        for name, module in found.items():
            down = tensors[name + ".lora_down.weight"].detach().to(dtype, copy=True).requires_grad_()
            up = tensors[name + ".lora_up.weight"].detach().to(dtype, copy=True).requires_grad_()
            scale = multiplier * float(tensors[name + ".alpha"]) / down.shape[0]
            self.weights[name + ".lora_down.weight"] = down
            self.weights[name + ".lora_up.weight"] = up
            apply = conv2d if down.dim() == 4 else linear
            self.handles.append(module.register_forward_hook(branch(down, up, scale, apply)))

    def detach(self):
        for handle in self.handles:
            handle.remove()

    def gradients(self):
        return {name: weight.grad for name, weight in self.weights.items()}


def branch(down, up, scale, apply):
    def hook(_module, inputs, output):
        return output + scale * apply(apply(inputs[0], down), up)

    return hook
