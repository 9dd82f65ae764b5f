"""The demo CLIP as ONNX, with the names of the public CLIP exports (pixel_values -> image_embeds; input_ids, attention_mask ->
text_embeds), weights in 8 bits with one scale a row, and how well it ranks, by onnxruntime."""

import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper

from clip_model import SIDE, pixels
from model import tokenize
from unseen import STYLE_TAIL, woodcut
from world import picture

HELD_OUT = 70_000_000


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
