"""Writes a CLIP of OpenAI's ViT-B/32 size with random weights, as the public exports are laid out: OUT/vision_model.onnx
(pixel_values -> image_embeds, 352 MB) and OUT/text_model.onnx (input_ids, attention_mask -> text_embeds, 254 MB). For
measuring and for trying the studio's door for captioning models; its captions mean nothing.
Usage: python make_clip_b32.py OUT. Needs onnx beside requirements.txt."""

import argparse
import os

import onnx
import torch
from transformers import CLIPConfig, CLIPTextModelWithProjection, CLIPVisionModelWithProjection


class Vision(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.model = CLIPVisionModelWithProjection(config)

    def forward(self, pixel_values):
        return self.model(pixel_values).image_embeds


class Text(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.model = CLIPTextModelWithProjection(config)

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids, attention_mask).text_embeds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    out = parser.parse_args().out
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(20240620)
    # transformers' defaults are ViT-B/32's sizes. Short texts end at the first end-of-text token (the highest id).
    config = CLIPConfig(text_config={"eos_token_id": 49407}, attn_implementation="eager")
    ids = torch.tensor([[49406, 320, 2368, 49407] + [49407] * 73])
    jobs = [
        ("vision_model", Vision(config.vision_config), (torch.zeros(1, 3, 224, 224),), ["pixel_values"], "image_embeds"),
        ("text_model", Text(config.text_config), (ids, torch.ones_like(ids)), ["input_ids", "attention_mask"], "text_embeds"),
    ]
    for name, module, example, inputs, output in jobs:
        path = os.path.join(out, f"{name}.onnx")
        axes = {each: {0: "batch", 1: "length"} if each in ("input_ids", "attention_mask") else {0: "batch"} for each in [*inputs, output]}
        torch.onnx.export(
            module.eval(), example, path, dynamo=False, opset_version=17, input_names=inputs, output_names=[output], dynamic_axes=axes
        )
        onnx.checker.check_model(path)
        print(f"{path}: {os.path.getsize(path) / 1e6:.0f} MB, {sum(p.numel() for p in module.parameters()) / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
