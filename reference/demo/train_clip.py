"""Trains the captioner's demo CLIP (vision and text tower, contrastive) on the world and exports both to ONNX with
the names of the public CLIP exports: pixel_values -> image_embeds; input_ids, attention_mask -> text_embeds. Same
tokenizer as the base model's. Weights are stored in 8 bits, one scale a row. Usage: python train_clip.py
[--minutes N]. Writes WORK/clip.pt, clip_vision.onnx, clip_text.onnx, and prints how often the true caption ranks
first among ten, by onnxruntime."""

import json
import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel

from captions import caption
from model import BOS, EOS, VOCABULARY, millions, tokenize
from runs import Run, arguments
from unseen import STYLE_TAIL, woodcut
from world import imagine, picture

# The pixel statistics of CLIP's own preprocessing.
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
SIDE, WIDTH, EMBEDDING = 128, 96, 96
FIRST, HELD_OUT = 40_000_000, 70_000_000


def build():
    tower = dict(
        hidden_size=WIDTH, intermediate_size=3 * WIDTH, num_attention_heads=4, projection_dim=EMBEDDING
    )
    config = CLIPConfig(
        text_config=dict(
            tower, num_hidden_layers=2, vocab_size=VOCABULARY, bos_token_id=BOS, eos_token_id=EOS
        ),
        vision_config=dict(tower, num_hidden_layers=3, image_size=SIDE, patch_size=16),
        projection_dim=EMBEDDING,
        attn_implementation="eager",
    )
    with torch.random.fork_rng():
        torch.manual_seed(20240608)
        return CLIPModel(config)


def pixels(images):
    """uint8 [B, H, W, 3] -> pixel_values [B, 3, H, W]."""
    x = (np.asarray(images, np.float32) / 255 - MEAN) / STD
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


def drawn(count, styled=0.15):
    """uint8 [count, SIDE, SIDE, 3]. A part is drawn in the unseen style's manner with captions that do not say so: a
    captioner must read on."""
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for i in range(count):
        rng = np.random.default_rng([20240609, i])
        images[i] = picture(FIRST + i, SIDE, woodcut if rng.random() < styled else None)[0]
    return images


def captioned(rows, rng):
    """New captions for pictures of the pool, cut behind the longest: what follows the first eos is not seen."""
    facts = [imagine(np.random.default_rng([20240601, FIRST + int(i)])) for i in rows]
    ids = tokenize([caption(f, rng) for f in facts])
    return ids[:, : int((ids == EOS).int().argmax(1).max()) + 1]


class Vision(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.tower, self.projection = clip.vision_model, clip.visual_projection

    def forward(self, pixel_values):
        return self.projection(self.tower(pixel_values=pixel_values).pooler_output)


class Text(torch.nn.Module):
    """The causal mask and the first eos spelled out, so that the export holds for every batch and length: what follows
    the first eos changes nothing, so a short text need not be filled up to 77."""

    def __init__(self, clip):
        super().__init__()
        self.tower, self.projection = clip.text_model, clip.text_projection

    def forward(self, input_ids, attention_mask):
        n = input_ids.shape[1]
        tower = self.tower
        x = tower.embeddings.token_embedding(input_ids) + tower.embeddings.position_embedding.weight[:n]
        seen = torch.ones(n, n, dtype=torch.bool).tril()[None, None] & (attention_mask[:, None, None, :] > 0)
        bias = torch.zeros_like(seen, dtype=x.dtype).masked_fill(~seen, -1e4)
        for layer in tower.encoder.layers:
            x = layer(x, bias)
            x = x[0] if isinstance(x, tuple) else x
        x = tower.final_layer_norm(x)
        first_eos = (input_ids == EOS).int().argmax(1)
        return self.projection((x * F.one_hot(first_eos, n)[..., None]).sum(1))


def main():
    args = arguments(1500, pictures=24000)
    clip = build()
    run = Run("clip", {"clip": clip}, args, lr=1e-3, weight_decay=0.05)
    print(f"CLIP {millions(clip):.2f} M parameters, from step {run.step}", flush=True)
    vision, text = Vision(clip), Text(clip)
    n = 96
    images = drawn(args.pictures) if run.step < args.steps else None
    for step in run:
        rng = np.random.default_rng([20240610, step])
        rows = rng.integers(0, args.pictures, n)
        x, ids = pixels(images[rows]), captioned(rows, rng)
        a = F.normalize(vision(x), dim=-1)
        b = F.normalize(text(ids, torch.ones_like(ids)), dim=-1)
        logits = clip.logit_scale.clamp(max=4.6).exp() * a @ b.T
        same = torch.arange(n)
        loss = (F.cross_entropy(logits, same) + F.cross_entropy(logits.T, same)) / 2
        run.learn(loss, first=(logits.argmax(1) == same).float().mean())
    run.use_mean()
    export(vision.eval(), text.eval(), args.work, scale=float(clip.logit_scale.clamp(max=4.6).exp()))
    print(json.dumps(ranked(args.work)))


def export(vision, text, folder, scale=100.0):
    """`scale`, which cosines were multiplied by in training, goes into the files' metadata: a cosine's probability
    cannot be told without it."""
    ids = tokenize(["a red star", "two small green circles on a striped yellow background"])
    jobs = [
        ("clip_vision.onnx", vision, (torch.zeros(2, 3, SIDE, SIDE),), ["pixel_values"], "image_embeds"),
        ("clip_text.onnx", text, (ids, torch.ones_like(ids)), ["input_ids", "attention_mask"], "text_embeds"),
    ]
    for file, module, example, inputs, output in jobs:
        path = os.path.join(folder, file)
        torch.onnx.export(
            module,
            example,
            path,
            dynamo=False,
            opset_version=17,
            input_names=inputs,
            output_names=[output],
            dynamic_axes={
                name: {0: "batch", 1: "length"} if name in ("input_ids", "attention_mask") else {0: "batch"}
                for name in [*inputs, output]
            },
        )
        model = in_eight_bits(onnx.load(path))
        helper.set_model_props(model, {"logit_scale": f"{scale:.4f}"})
        onnx.save(model, path)
        print(f"{file}: {os.path.getsize(path) / 1e6:.2f} MB")


def in_eight_bits(model):
    """Stores every large weight as int8 with one scale a row (the first axis), to be undone when it is loaded."""
    graph, nodes = model.graph, []
    for tensor in list(graph.initializer):
        value = numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.ndim < 2 or value.size < 2048:
            continue
        axis = 0
        scale = np.abs(value).max(tuple(range(1, value.ndim)))
        scale = np.maximum(scale, 1e-8).astype(np.float32) / 127
        shape = (-1, *[1] * (value.ndim - 1))
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.append(
            numpy_helper.from_array(np.round(value / scale.reshape(shape)).astype(np.int8), name + "_8")
        )
        graph.initializer.append(numpy_helper.from_array(scale, name + "_scale"))
        graph.initializer.append(numpy_helper.from_array(np.zeros(len(scale), np.int8), name + "_zero"))
        nodes.append(
            helper.make_node(
                "DequantizeLinear", [name + "_8", name + "_scale", name + "_zero"], [name], axis=axis
            )
        )
    for node in reversed(nodes):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    return model


def ranked(folder, count=200, among=10):
    """Share of held-out pictures whose own caption ranks first among `among` captions of other pictures."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    vision, text = (
        onnxruntime.InferenceSession(os.path.join(folder, f), options, providers=["CPUExecutionProvider"])
        for f in ("clip_vision.onnx", "clip_text.onnx")
    )
    figures = {}
    for name, style in (("world", None), ("woodcut", woodcut)):
        drawn = [picture(HELD_OUT + i, SIDE, style) for i in range(count)]
        ids = tokenize([text + (STYLE_TAIL if style else "") for _, text, _ in drawn]).numpy()
        a = vision.run(None, {"pixel_values": pixels(np.stack([d[0] for d in drawn])).numpy()})[0]
        b = text.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
        right = [np.argmax([a[i] @ b[(i + k * 17) % count] for k in range(among)]) == 0 for i in range(count)]
        figures[name] = float(np.mean(right))
    return figures


if __name__ == "__main__":
    main()
