"""Captions of the demo world, in the grammar a person would type; several ways to say the same. They may leave
something out, they never say what is not so (check.py reads them back)."""

PLURALS = {"fish": "fish", "cross": "crosses"}
NUMBERS = {2: "two", 3: "three"}
SIZE_WORDS = {"small": ["small", "small", "tiny", "little"], "large": ["large", "large", "big", "huge"]}
TEXTURE_WORDS = {"striped": ["striped"], "dotted": ["dotted", "spotted"], "outlined": ["outlined"]}
NOUNS = {"moon": ["moon", "moon", "crescent moon"]}
CORNERS = ["{0}", "in the {0} corner", "at the {0}"]
SIDES = {
    "left": ["left", "on the left", "on the left side"],
    "right": ["right", "on the right", "on the right side"],
    "top": ["top", "at the top"],
    "bottom": ["bottom", "at the bottom"],
}
RELATIONS = {
    "left of": ["left of", "to the left of"],
    "right of": ["right of", "to the right of"],
    "above": ["above", "over"],
    "below": ["below", "under"],
}


def caption(facts, rng):
    """One caption of the facts, seeded by rng (a numpy Generator)."""
    ground = ground_words(facts, rng)
    if facts.relation:
        return pair_caption(facts, ground, rng)
    thing = facts.things[0] if facts.things else None
    what = thing_words(thing, rng) if thing else ""
    return arranged(what, place_words(thing, rng) if thing else "", ground, rng)


def arranged(what, place, ground, rng):
    """Thing, place and background in one of several orders."""
    on = f"on {article(ground)}"
    kind = rng.random()
    if kind < 0.06:
        return f"{what}, {place}" if place else what
    if kind < 0.36:
        return f"{what} {on}, {place}" if place else f"{what} {on}"
    if kind < 0.54:
        return f"{what} {place}, {ground}" if place else f"{what}, {ground}"
    if kind < 0.66:
        return f"{bare(what)}, {ground}, {place}" if place else f"{bare(what)}, {ground}"
    if kind < 0.78:
        return f"{article(ground)} with {what} {place}" if place else f"{article(ground)} with {what}"
    if kind < 0.9:
        return f"{what} {place} {on}" if place else f"{what} {on}"
    start = pick(rng, ["a picture of", "a drawing of", "an image of"])
    return f"{start} {what} {on}, {place}" if place else f"{start} {what} {on}"


def pair_caption(facts, ground, rng):
    first, second = (thing_words(thing, rng) for thing in facts.things)
    if rng.random() < 0.7:
        what = f"{first} {pick(rng, RELATIONS[facts.relation])} {second}"
    else:
        what = f"{first} and {second}"
    return arranged(what, "", ground, rng)


def thing_words(thing, rng):
    words = []
    if thing.size:
        words.append(pick(rng, SIZE_WORDS[thing.size]))
    if thing.texture in TEXTURE_WORDS:
        words.append(pick(rng, TEXTURE_WORDS[thing.texture]))
    noun = pick(rng, NOUNS.get(thing.shape, [thing.shape]))
    if words[1:] == [] and thing.texture == "solid":
        words.append(thing.colour)
    else:  # "striped red" or "red striped"
        at = len(words) if rng.random() < 0.7 else max(0, len(words) - 1)
        words.insert(at, thing.colour)
    if thing.count == 1:
        start = "one" if rng.random() < 0.06 else None
        said = " ".join([*words, noun])
        return f"{start} {said}" if start else article(said)
    return " ".join([NUMBERS[thing.count], *words, PLURALS.get(noun, noun + "s")])


def place_words(thing, rng):
    if not thing.place:
        return (
            pick(rng, ["in the middle", "in the center"]) if thing.count == 1 and rng.random() < 0.12 else ""
        )
    if " " in thing.place:
        return pick(rng, CORNERS).format(thing.place)
    return pick(rng, SIDES[thing.place])


def ground_words(facts, rng):
    first = facts.background_colours[0]
    if facts.background == "plain":
        return f"{first} background"
    if facts.background == "stripes":
        return pick(rng, [f"striped {first} background", f"{first} striped background"])
    if facts.background == "dots":
        return pick(rng, [f"dotted {first} background", f"{first} dotted background"])
    second = facts.background_colours[1]
    return pick(rng, [f"{first} to {second} gradient", f"{first} to {second} gradient background"])


def article(words):
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def bare(words):
    """Without the article, as tags are written."""
    return words.split(" ", 1)[1] if words.startswith(("a ", "an ")) else words


def pick(rng, options):
    return options[int(rng.integers(len(options)))]
