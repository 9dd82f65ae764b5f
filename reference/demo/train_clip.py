"""Trains the captioner's demo CLIP (vision and text tower, contrastive) on the world and exports both to ONNX with
the names of the public CLIP exports: pixel_values -> image_embeds; input_ids, attention_mask -> text_embeds. Same
tokenizer as the base model's. Weights are stored in 8 bits, one scale a row. Usage: python train_clip.py
[--minutes N]. Writes WORK/clip.pt, clip_vision.onnx, clip_text.onnx, and prints how often the true caption ranks
first among ten, by onnxruntime."""

import copy
import json
import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel

from captions import article, caption, ground_words, thing_words
from model import BOS, EOS, VOCABULARY, millions, tokenize
from runs import Run, arguments
from shapes import SHAPES
from train_classifier import load_reader
from unseen import STYLE_TAIL, woodcut
from world import COLOURS, PLACES, TEXTURES, imagine, imagine_ground, picture

# The pixel statistics of CLIP's own preprocessing.
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
SIDE, WIDTH, EMBEDDING = 128, 96, 96
FIRST, HELD_OUT = 40_000_000, 70_000_000


def build():
    """CLIP as transformers has it. Its text tower and scale are used; the vision tower is `Vision`."""
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


CANDIDATES = 6


def candidates(rows, rng):
    """For each picture one true text and others that are wrong in one thing: shape, colour, background, texture, count or
    place. Some speak of the thing alone or of the background alone, as a captioner's phrases do. Colours tell random
    pictures apart, so a batch's own captions would teach nothing else. -> ids [B * CANDIDATES, n], cut behind the longest"""
    texts = []
    for i in rows:
        facts = imagine(np.random.default_rng([20240601, FIRST + int(i)]))
        seed, part = int(rng.integers(1 << 30)), rng.random()
        texts.append(said(facts, part, seed))
        while len(texts) % CANDIDATES:
            wrong = said(changed(facts, part, rng), part, seed)
            if wrong != texts[len(texts) - len(texts) % CANDIDATES]:
                texts.append(wrong)
    ids = tokenize(texts)
    return ids[:, : int((ids == EOS).int().argmax(1).max()) + 1]


def said(facts, part, seed):
    rng = np.random.default_rng(seed)
    if part < 0.35:
        thing = facts.things[seed % len(facts.things)]
        words = thing_words(thing, rng)
        if rng.random() < 0.5:  # as the vocabulary asks: colour and shape, whatever else there is
            words = article(f"{thing.colour} {thing.shape}") if rng.random() < 0.5 else f"{thing.colour} {thing.shape}"
        return words
    if part < 0.6:
        words = ground_words(facts, rng)
        return article(words) if rng.random() < 0.5 else words
    return caption(facts, rng)


def changed(facts, part, rng):
    """A copy that is wrong in one thing, as far as the text will speak of it."""
    facts = copy.deepcopy(facts)
    which = rng.random()
    if part >= 0.35 and (part < 0.6 or which < 0.35):
        kind = facts.background if rng.random() < 0.6 else str(rng.choice(["plain", "stripes", "dots", "gradient"]))
        facts.background, facts.background_colours = kind, imagine_ground(rng, kind)
        return facts
    for thing in facts.things:
        if which < 0.6:
            thing.shape = str(rng.choice(list(SHAPES)))
        elif which < 0.8:
            thing.colour = str(rng.choice(COLOURS))
        elif which < 0.87:
            thing.texture = str(rng.choice(TEXTURES))
        elif which < 0.93:
            thing.count = int(rng.integers(1, 4))
        else:
            thing.place = str(rng.choice(list(PLACES)))
    return facts


class Vision(torch.nn.Module):
    """A convolutional tower, as CLIP's ResNets are: patches of 16 px do not tell a star from a flower in a short training.
    It starts as the classifier's (train_classifier.py), which knows outlines."""

    def __init__(self):
        super().__init__()
        self.body = load_reader().body.requires_grad_(True)
        self.projection = torch.nn.Linear(256, EMBEDDING, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def forward(self, pixel_values):
        x = (pixel_values * self.std + self.mean) * 2 - 1
        x = self.body(F.avg_pool2d(x, SIDE // 64))
        return self.projection(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))


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
    args = arguments(600, pictures=6000)
    clip = build()
    with torch.random.fork_rng():
        torch.manual_seed(20240611)
        vision = Vision()
    text = Text(clip)
    run = Run("clip", {"vision": vision, "text": text, "scale": Scale(clip)}, args, lr=1e-3, weight_decay=0.02)
    print(f"CLIP {millions(vision) + millions(text):.2f} M parameters, from step {run.step}", flush=True)
    n = 48
    images = drawn(args.pictures) if run.step < args.steps else None
    for step in run:
        rng = np.random.default_rng([20240610, step])
        rows = rng.integers(0, args.pictures, n)
        ids = candidates(rows, rng)
        a = F.normalize(vision.train()(pixels(images[rows])), dim=-1)
        b = F.normalize(text(ids, torch.ones_like(ids)), dim=-1).view(n, CANDIDATES, -1)
        scale = clip.logit_scale.clamp(max=4.6).exp()
        own = scale * torch.einsum("id,ikd->ik", a, b)
        among = scale * a @ b[:, 0].T
        first, same = torch.zeros(n, dtype=torch.long), torch.arange(n)
        loss = F.cross_entropy(own, first) + 0.3 * (F.cross_entropy(among, same) + F.cross_entropy(among.T, same)) / 2
        run.learn(loss, first=(own.argmax(1) == 0).float().mean(), among=(among.argmax(1) == same).float().mean())
    export(vision.eval(), text.eval(), args.work, scale=float(clip.logit_scale.clamp(max=4.6).exp()))
    print(json.dumps(ranked(args.work)))


class Scale(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.logit_scale = clip.logit_scale


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
