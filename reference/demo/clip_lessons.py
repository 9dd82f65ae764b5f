"""What the demo CLIP learns from: pictures, and texts that are true of them or wrong in one thing, as whole captions and as the
single phrases that a captioner asks about (src/captioning/vocabulary/demo.ts)."""

import copy

import numpy as np
import torch

from captions import article, caption, ground_words, pick
from clip_model import SIDE
from model import EOS, tokenize
from shapes import SHAPES
from unseen import figure, woodcut
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

FIRST = 40_000_000


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


def hard_ones(count, step, styled=0.4):
    """As `drawn`, new ones for every step, of what is hard: two things (which colour is whose is sooner learned by heart than
    understood), small ones, outlines and dots, woodcuts."""
    images, facts = np.empty((count, SIDE, SIDE, 3), np.uint8), []
    seed = FIRST + 1_000_000 + 1000 * step
    while len(facts) < count:
        rng = np.random.default_rng([20240601, seed])
        fact = imagine(rng)
        first = fact.things[0]
        if fact.relation or first.size == "small" or first.texture in ("outlined", "dotted"):
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
WHERE_OF = {place: f"{'on' if place in ('left', 'right') else 'at'} the {place}" if place else "in the middle" for place in PLACES}
WHERE = list(WHERE_OF.values())
FORMS = {
    "subject": ["{}", "{a}", "a picture of {a}", "a drawing of {a}"],
    "ground": ["{}", "{a}"],
    "place": ["{}", "a shape {}", "a star {}", "a circle {}"],
}


def answers(facts):
    """{question: phrases that are true of the picture}"""
    things = facts.things
    return {
        "subject": {f"{thing.colour} {thing.shape}" for thing in things} or {"figure"},
        "ground": {ground_phrase(facts)},
        "place": {WHERE_OF[things[0].place]} if len(things) == 1 and things[0].count == 1 else set(),
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
