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

from captions import article, caption, ground_words, pick
from model import BOS, EOS, VOCABULARY, millions, tokenize
from runs import Run, arguments
from shapes import SHAPES
from train_classifier import load_reader
from unseen import STYLE_TAIL, figure, woodcut
from world import (
    BACKGROUNDS,
    COLOURS,
    DARK,
    LIGHT,
    PLACES,
    RGB,
    TEXTURES,
    distance,
    imagine,
    imagine_ground,
    picture,
    render,
)

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


def drawn(count, styled=0.2, figures=0.06):
    """-> uint8 [count, SIDE, SIDE, 3] and what each shows. A part is drawn in the unseen style's manner with captions
    that do not say so: a captioner must read on. Another part shows the figure of unseen.py, called just that."""
    images, facts = np.empty((count, SIDE, SIDE, 3), np.uint8), []
    for i in range(count):
        kind = np.random.default_rng([20240609, i]).random()
        hooks = {"style": woodcut} if kind < styled else {"character": figure} if kind > 1 - figures else {}
        images[i], _, fact = picture(FIRST + i, SIDE, **hooks)
        facts.append(fact)
    return images, facts


def pairs(count, step, styled=0.2):
    """As `drawn`, pictures of two things, new ones for every step: which colour is whose is learned from nothing else, and
    sooner learned by heart than understood."""
    images, facts = np.empty((count, SIDE, SIDE, 3), np.uint8), []
    seed = FIRST + 1_000_000 + 1000 * step
    while len(facts) < count:
        rng = np.random.default_rng([20240601, seed])
        fact = imagine(rng)
        if fact.relation:
            images[len(facts)] = render(fact, rng, SIDE, woodcut if rng.random() < styled else None)
            facts.append(fact)
        seed += 1
    return images, facts


CANDIDATES = 6


def candidates(facts, rng):
    """For each picture one true text and others that are wrong in one thing: shape, colour, background, texture, count or
    place. Colours tell random pictures apart, so a batch's own captions would teach nothing else.
    -> ids [B * CANDIDATES, n], cut behind the longest"""
    texts = []
    for fact in facts:
        seed = int(rng.integers(1 << 30))
        texts.append(said(fact, seed))
        while len(texts) % CANDIDATES:
            wrong = said(changed(fact, rng), seed)
            if wrong != texts[len(texts) - len(texts) % CANDIDATES]:
                texts.append(wrong)
    return ids_of(texts)


def ids_of(texts):
    ids = tokenize(texts)
    return ids[:, : int((ids == EOS).int().argmax(1).max()) + 1]


def said(facts, seed):
    rng = np.random.default_rng(seed)
    return caption(facts, rng) if facts.things else f"{FIGURE} on {article(ground_words(facts, rng))}"


def changed(facts, rng):
    """A copy that is wrong in one thing, as far as the text will speak of it."""
    facts = copy.deepcopy(facts)
    which = rng.random()
    if which < 0.35 or not facts.things:
        kind = facts.background if rng.random() < 0.6 else str(rng.choice(BACKGROUNDS))
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


# --- one question at a time, as a captioner asks: which subject, which background, which place ---

FIGURE = "a figure"
SUBJECTS = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES] + ["figure"]
GROUND_COLOURS = [*RGB, *(f"light {name}" for name in LIGHT), *(f"dark {name}" for name in DARK)]
FLAT_GROUNDS = [f"{kind}{name} background" for kind in ("", "striped ", "dotted ") for name in GROUND_COLOURS]
GRADIENTS = [f"{a} to {b} gradient" for a in GROUND_COLOURS for b in GROUND_COLOURS if distance(a, b) > 0.4]
WHERE = ["in the middle", *(f"on the {side}" for side in ("left", "right")), *(f"at the {p}" for p in PLACES if p not in ("", "left", "right"))]
FORMS = {
    "subject": ["{}", "{a}", "a picture of {a}", "a drawing of {a}"],
    "ground": ["{}", "{a}"],
    "place": ["{}", "a shape {}", "a star {}", "a circle {}"],
}


def answers(facts):
    """{question: phrases that are true of the picture}"""
    things = facts.things
    places = {"": WHERE[0]} | {p: next(w for w in WHERE if w.endswith(f"the {p}")) for p in PLACES if p}
    return {
        "subject": {f"{thing.colour} {thing.shape}" for thing in things} or {"figure"},
        "ground": {ground_phrase(facts)},
        "place": {places[things[0].place]} if len(things) == 1 and things[0].count == 1 else set(),
    }


def ground_phrase(facts):
    first = facts.background_colours[0]
    if facts.background == "gradient":
        return f"{first} to {facts.background_colours[1]} gradient"
    return {"plain": "", "stripes": "striped ", "dots": "dotted "}[facts.background] + f"{first} background"


def asked(facts, rng):
    """-> ids of all phrases of the three questions, and for each question the phrases' place in them and bool
    [B, phrases], true where a phrase is right."""
    true = [answers(fact) for fact in facts]
    gradients = {p for t in true for p in t["ground"] if p.endswith("gradient")} | set(rng.choice(GRADIENTS, 60, replace=False))
    phrases = {"subject": SUBJECTS, "ground": FLAT_GROUNDS + sorted(gradients), "place": WHERE}
    texts, questions = [], []
    for name, words in phrases.items():
        form = pick(rng, FORMS[name])
        questions.append((slice(len(texts), len(texts) + len(words)), torch.tensor([[w in t[name] for w in words] for t in true])))
        texts += [form.format(w, a=article(w)) for w in words]
    return ids_of(texts), questions


def answered(logits, right):
    """Cross-entropy, shared evenly where several phrases are right, and among all where none is: there a captioner should
    stay silent. And the share of right answers where there are any."""
    target = torch.where(right.any(1, keepdim=True), right, True).float()
    loss = F.cross_entropy(logits, target / target.sum(1, keepdim=True))
    some = right.any(1)
    return loss, right[some, logits[some].argmax(1)].float().mean()


class Vision(torch.nn.Module):
    """A convolutional tower, as CLIP's ResNets are: patches of 16 px do not tell a star from a flower in a short training.
    It starts as the classifier's (train_classifier.py), which knows outlines. `mixed` learns what is where, by a bias for
    each of the 4 x 4 spots. `joined`, a product of two, is there for what belongs together in one spot: with two things in a
    picture, which colour is whose."""

    def __init__(self, width=256, pairs=96):
        super().__init__()
        self.body = load_reader().body.requires_grad_(True)
        self.mixed = torch.nn.Conv2d(128, width, 1)
        self.spots = torch.nn.Parameter(0.1 * torch.randn(1, width, SIDE // 32, SIDE // 32))
        self.joined = torch.nn.Conv2d(128, 2 * pairs, 1)
        self.projection = torch.nn.Linear(2 * (width + pairs), EMBEDDING, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])

    def spotted(self, pixel_values):
        """-> [B, C, 4, 4], what is in each spot"""
        x = (pixel_values * self.std + self.mean) * 2 - 1
        x = self.body(F.avg_pool2d(x, SIDE // 64))
        a, b = self.joined(x).chunk(2, 1)
        return torch.cat([F.relu(self.mixed(x) + self.spots), a * b], 1)

    def told(self, spots):
        """[B, C, spots] -> [B, EMBEDDING]"""
        return self.projection(torch.cat([spots.mean(2), spots.amax(2)], 1))

    def forward(self, pixel_values):
        return self.told(self.spotted(pixel_values).flatten(2))


def apart(spots, facts):
    """Of pictures of two things, each half with the thing that is in it: [P, C, 8] and its place among SUBJECTS."""
    halves, things = [], []
    for spot, fact in zip(spots, facts):
        if fact.relation:
            both = [half.flatten(1) for half in spot.chunk(2, 2 if fact.relation in ("left of", "right of") else 1)]
            halves += both if fact.relation in ("left of", "above") else both[::-1]
            things += [SUBJECTS.index(f"{thing.colour} {thing.shape}") for thing in fact.things]
    return torch.stack(halves), torch.tensor(things)


def likeness(embeddings):
    """How alike different phrases are, summed over all others. If "red star" is red and star added up, a red star and a blue
    ring are also a red ring and a blue star."""
    return (embeddings @ embeddings.T - torch.eye(len(embeddings))).square().sum(1).mean()


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
    args = arguments(1900, pictures=16000)
    clip = build()
    with torch.random.fork_rng():
        torch.manual_seed(20240611)
        vision = Vision()
    text = Text(clip)
    run = Run("clip", {"vision": vision, "text": text, "scale": Scale(clip)}, args, lr=3e-3, weight_decay=0.02)
    print(f"CLIP {millions(vision) + millions(text):.2f} M parameters, from step {run.step}", flush=True)
    n, captioned = 96, 48
    images, facts = drawn(args.pictures) if run.step < args.steps else (None, [])
    for step in run:
        rng = np.random.default_rng([20240610, step])
        rows = rng.integers(0, args.pictures, n // 2)
        fresh, more = pairs(n // 2, step)
        order = rng.permutation(n)  # captions are told for half of the batch: of both kinds
        shown = [([facts[i] for i in rows] + more)[k] for k in order]
        spots = vision.train().spotted(pixels(np.concatenate([images[rows], fresh])[order]))
        seen = F.normalize(vision.told(spots.flatten(2)), dim=-1)
        scale = clip.logit_scale.clamp(max=4.6).exp()

        ids, questions = asked(shown, rng)
        phrases = embedded(text, ids)
        found = [answered(scale * seen @ phrases[where].T, right) for where, right in questions]
        halves, things = apart(spots, shown)
        subjects = phrases[questions[0][0]]
        # At a third of the scale, so that a side is sure of its thing, not just surer than of others.
        sides = scale / 3 * F.normalize(vision.told(halves), dim=-1) @ subjects.T

        a, b = seen[:captioned], embedded(text, candidates(shown[:captioned], rng)).view(captioned, CANDIDATES, -1)
        own = scale * torch.einsum("id,ikd->ik", a, b)
        among = scale * a @ b[:, 0].T
        first, same = torch.zeros(captioned, dtype=torch.long), torch.arange(captioned)
        loss = F.cross_entropy(own, first) + (F.cross_entropy(among, same) + F.cross_entropy(among.T, same)) / 4
        loss = loss + found[0][0] + found[1][0] + 0.5 * found[2][0] + F.cross_entropy(sides, things) + likeness(subjects)
        right = {name: share for name, (_, share) in zip(FORMS, found)} | {"sides": (sides.argmax(1) == things).float().mean()}
        run.learn(loss, first=(own.argmax(1) == 0).float().mean(), among=(among.argmax(1) == same).float().mean(), **right)
    export(vision.eval(), text.eval(), args.work, scale=float(clip.logit_scale.clamp(max=4.6).exp()))
    print(json.dumps(ranked(args.work)))


def embedded(text, ids):
    return F.normalize(text(ids, torch.ones_like(ids)), dim=-1)


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
