"""Trains the captioner's demo CLIP (vision and text tower, contrastive) on the world and exports both to ONNX. Usage: python
train_clip.py [--minutes N]. Writes WORK/clip.pt, clip_vision.onnx, clip_text.onnx, and prints how often the true caption
ranks first among ten."""

import json

import numpy as np
import torch
from torch.nn import functional as F

from clip_export import export, ranked
from clip_lessons import CANDIDATES, FORMS, SUBJECTS, asked, candidates, drawn, hard_ones
from clip_model import Scale, Text, Vision, build, embedded, pixels
from model import millions
from runs import Run, arguments


def main():
    args = arguments(2340, pictures=16000)
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
        fresh, more = hard_ones(n // 2, step)
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
    run.use_mean()
    export(vision.eval(), text.eval(), args.work, scale=float(clip.logit_scale.clamp(max=4.6).exp()))
    print(json.dumps(ranked(args.work)))


def answered(logits, right):
    """Cross-entropy, shared evenly where several phrases are right, and among all where none is: there a captioner should
    stay silent. And the share of right answers where there are any."""
    target = torch.where(right.any(1, keepdim=True), right, True).float()
    loss = F.cross_entropy(logits, target / target.sum(1, keepdim=True))
    some = right.any(1)
    return loss, right[some, logits[some].argmax(1)].float().mean()


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


if __name__ == "__main__":
    main()
