"""The demo world: pictures drawn by code and captions that say what is in them. `picture(seed)` is all there is to
it; the same seed gives the same picture. The captions' grammar is in captions.py, the outlines in shapes.py, a way of
drawing and a figure that the base model never sees in unseen.py. Long, for what is imagined and how it is drawn share their
numbers."""

import math
from dataclasses import asdict, dataclass, field

import numpy as np

from captions import caption
from shapes import SHAPES, Tile

RGB = {
    "red": (214, 40, 40),
    "orange": (244, 132, 28),
    "yellow": (250, 212, 48),
    "green": (52, 160, 72),
    "blue": (44, 92, 210),
    "purple": (132, 64, 176),
    "pink": (245, 145, 190),
    "brown": (126, 78, 44),
    "black": (28, 28, 30),
    "white": (248, 248, 246),
    "grey": (142, 142, 146),
}
COLOURS = [name for name in RGB if name != "grey"]  # of things; grey is for backgrounds only
LIGHT = ["blue", "green", "yellow", "purple", "pink", "grey", "orange"]
DARK = ["blue", "green", "red", "purple", "grey", "brown"]
SIZES = ["small", "", "large"]
TEXTURES = ["solid", "striped", "dotted", "outlined"]
BACKGROUNDS = ["plain", "stripes", "dots", "gradient"]
PLACES = {
    "": (0, 0),
    "left": (-1, 0),
    "right": (1, 0),
    "top": (0, -1),
    "bottom": (0, 1),
    "top left": (-1, -1),
    "top right": (1, -1),
    "bottom left": (-1, 1),
    "bottom right": (1, 1),
}
# Radius as a share of the side, by count and size.
RADII = {
    1: {"small": (0.11, 0.14), "": (0.20, 0.26), "large": (0.34, 0.41)},
    2: {"small": (0.08, 0.11), "": (0.15, 0.18), "large": (0.205, 0.23)},
    3: {"small": (0.075, 0.09), "": (0.115, 0.14), "large": (0.16, 0.18)},
}
CONTRAST = 0.42  # least distance in RGB between a thing and its background


@dataclass
class Thing:
    """`count` alike things. `spots` are centres as shares of the side, with a radius and a turn for all."""

    shape: str
    colour: str
    count: int = 1
    size: str = ""
    texture: str = "solid"
    place: str = ""
    spots: list = field(default_factory=list)
    radius: float = 0.2
    angle: float = 0.0


@dataclass
class Facts:
    """What a picture shows. background: kind and one colour name, two for a gradient (top, bottom)."""

    things: list
    background: str
    background_colours: list
    relation: str = ""  # of the first thing to the second: "left of", "above", ...
    figure: str = ""  # pose of the figure of unseen.py, if it is there

    def plain(self):
        return asdict(self)


def rgb(name):
    """'dark blue' -> three numbers in 0..1."""
    tone, _, base = name.rpartition(" ")
    c = np.array(RGB[base], dtype=np.float32) / 255
    if tone == "light":
        return c + 0.62 * (1 - c)
    if tone == "dark":
        return 0.48 * c
    return c


def picture(seed, size=128, style=None, character=None, **fixed):
    """(image uint8 [size, size, 3], caption, Facts). `style` and `character` are hooks, see unseen.py: style(canvas,
    facts, rng) draws instead of `draw`; character(canvas, facts, rng) draws a figure over it. `fixed` fixes facts:
    shape, colour, count, size_word, texture, background."""
    rng = np.random.default_rng([20240601, seed])
    facts = imagine(rng, character is not None, **fixed)
    text = caption(facts, rng)
    return render(facts, rng, size, style, character), text, facts


def render(facts, rng, size=128, style=None, character=None):
    canvas = np.zeros((size, size, 3), dtype=np.float32)
    (style or draw)(canvas, facts, rng)
    if character:
        character(canvas, facts, rng)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


# --- what there is to see ---


def imagine(
    rng, with_figure=False, shape=None, colour=None, count=None, size_word=None, texture=None, background=None
):
    kind = background or str(rng.choice(BACKGROUNDS, p=[0.64, 0.13, 0.1, 0.13]))
    ground = imagine_ground(rng, kind)
    if with_figure:
        return Facts([], kind, ground)
    pair = shape is None and count is None and rng.random() < 0.24
    if pair:
        return imagine_pair(rng, kind, ground)
    things = None
    while things is None:  # a colour may be fixed that this background does not carry
        things = imagine_things(rng, ground, shape, colour, count, size_word, texture)
        if things is None:
            ground = imagine_ground(rng, kind)
    return Facts([things], kind, ground)


def imagine_ground(rng, kind):
    def name():
        tone = rng.choice(["", "light", "dark"], p=[0.4, 0.32, 0.28])
        if tone == "light":
            return f"light {rng.choice(LIGHT)}"
        if tone == "dark":
            return f"dark {rng.choice(DARK)}"
        return str(rng.choice(list(RGB)))

    first = name()
    if kind != "gradient":
        return [first]
    second = name()
    while not 0.4 < distance(first, second) < 1.1:
        second = name()
    return [first, second]


def distance(a, b):
    return float(np.linalg.norm(rgb(a) - rgb(b)))


def fitting_colours(ground):
    mixed = [rgb(g) for g in ground]
    if len(mixed) == 2:
        mixed.append((mixed[0] + mixed[1]) / 2)
    return [c for c in COLOURS if min(np.linalg.norm(rgb(c) - m) for m in mixed) >= CONTRAST]


def imagine_things(rng, ground, shape, colour, count, size_word, texture):
    fitting = fitting_colours(ground)
    if not fitting or (colour and colour not in fitting):
        return None
    count = count or int(rng.choice([1, 2, 3], p=[0.7, 0.17, 0.13]))
    size = size_word if size_word is not None else str(rng.choice(SIZES, p=[0.2, 0.6, 0.2]))
    texture = texture or str(rng.choice(TEXTURES, p=[0.7, 0.11, 0.08, 0.11]))
    if size == "small" or count == 3:
        texture = "solid" if texture == "dotted" or size == "small" else texture  # would be lost
    place = ""
    if count == 1 and size != "large" and rng.random() < 0.5:
        place = str(rng.choice(list(PLACES)[1:]))
    radius = rng.uniform(*RADII[count][size])
    thing = Thing(
        shape or str(rng.choice(list(SHAPES))),
        colour or str(rng.choice(fitting)),
        count,
        size,
        texture,
        place,
        radius=float(radius),
        angle=float(rng.uniform(-0.12, 0.12)),
    )
    thing.spots = spots_of(rng, count, place, radius)
    return thing


def spots_of(rng, count, place, radius):
    jitter = rng.uniform(-0.03, 0.03, (3, 2))
    if count == 1:
        dx, dy = PLACES[place]
        reach = min(0.3, 0.46 - radius) if place else 0
        centres = [(0.5 + reach * dx, 0.5 + reach * dy)]
    elif count == 2:
        centres = [(0.27, 0.5), (0.73, 0.5)]
    else:
        centres = (
            [(0.5, 0.27), (0.25, 0.7), (0.75, 0.7)]
            if rng.random() < 0.5
            else [(0.19, 0.5), (0.5, 0.5), (0.81, 0.5)]
        )
    return [[float(x + jx), float(y + jy)] for (x, y), (jx, jy) in zip(centres, jitter)]


def imagine_pair(rng, kind, ground):
    """Two single things, one beside or above the other."""
    fitting = fitting_colours(ground)
    while not fitting:
        ground = imagine_ground(rng, kind)
        fitting = fitting_colours(ground)
    relation = str(rng.choice(["left of", "right of", "above", "below"]))
    x, y = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}[relation]
    shapes = rng.choice(list(SHAPES), 2, replace=False)
    colours = rng.choice(fitting, 2, replace=len(fitting) < 2)
    things = []
    for i in range(2):
        sign = 1 - 2 * i
        jx, jy = rng.uniform(-0.03, 0.03, 2)
        spot = [float(0.5 + sign * 0.23 * x + jx), float(0.5 + sign * 0.23 * y + jy)]
        things.append(
            Thing(
                str(shapes[i]),
                str(colours[i]),
                spots=[spot],
                radius=float(rng.uniform(0.15, 0.19)),
                angle=float(rng.uniform(-0.12, 0.12)),
            )
        )
    return Facts(things, kind, ground, relation)


# --- how it looks ---


def draw(canvas, facts, rng):
    """The world's own way of drawing: flat, clean, no outlines."""
    draw_ground(canvas, facts, rng)
    for thing in facts.things:
        for spot in thing.spots:
            draw_thing(canvas, thing, spot, rng)


def second_tone(c):
    """The other colour of a pattern: lighter, or darker where there is little room for light."""
    return c + 0.45 * (1 - c) if c.mean() < 0.62 else c * 0.72


def draw_ground(canvas, facts, rng):
    side = canvas.shape[0]
    x, y = np.meshgrid(*[(np.arange(side) + 0.5) / side] * 2)
    a = varied(rgb(facts.background_colours[0]), rng)
    if facts.background == "gradient":
        b = varied(rgb(facts.background_colours[1]), rng)
        canvas[:] = a + (b - a) * y[..., None]
        return
    canvas[:] = a
    if facts.background == "plain":
        return
    period = rng.uniform(0.13, 0.18)
    if facts.background == "stripes":
        angle = rng.choice([0, math.pi / 4, math.pi / 2])
        u = (x * math.cos(angle) + y * math.sin(angle)) / period + rng.random()
        inside = np.abs(u - np.round(u)) - 0.25
    else:
        u, v = x / period + rng.random(), y / period + rng.random()
        v, row = v - np.round(v), np.round(v)
        u = u + 0.5 * (row % 2)
        inside = np.hypot(u - np.round(u), v) - 0.24
    alpha = np.clip(0.5 - inside * period * side, 0, 1)[..., None]
    canvas += (alpha * (second_tone(a) - canvas)).astype(np.float32)


def varied(c, rng):
    """Hardly two paints are alike."""
    return np.clip(c + rng.normal(0, 0.018, 3), 0, 1).astype(np.float32)


def draw_thing(canvas, thing, spot, rng):
    side = canvas.shape[0]
    tile = Tile((spot[0] * side, spot[1] * side), thing.radius * side, side)
    c = varied(rgb(thing.colour), rng)
    parts = SHAPES[thing.shape]
    mask = tile.mask(parts, ("add",), thing.angle)
    if thing.texture == "outlined":
        tile.blend(canvas, tile.rim(mask, max(1.2, 0.2 * thing.radius * side)), c)
        return
    tile.blend(canvas, mask, c)
    if thing.texture in ("striped", "dotted"):
        tile.blend(
            canvas, (np.asarray(mask) / 255) * texture_of(tile, thing), second_tone(c) * 0.4 + pole(c) * 0.6
        )
    detail = tile.mask(parts, ("detail",), thing.angle)
    tile.blend(canvas, detail, c * 0.55 if c.mean() > 0.25 else c + 0.4 * (1 - c))


def pole(c):
    return np.float32(1.0) if c.mean() < 0.62 else c * 0.5


def texture_of(tile, thing):
    """Oversampled 0/1 pattern over a tile; periods follow the thing's size."""
    x, y = tile.grid()
    x, y = (x - tile.centre[0]) / tile.radius, (y - tile.centre[1]) / tile.radius
    if thing.texture == "striped":
        return ((y + 0.5 * x) / 0.5) % 1 < 0.45
    u, v = x / 0.48, y / 0.48
    row = np.round(v)
    u = u + 0.5 * (row % 2)
    return np.hypot(u - np.round(u), v - row) < 0.27
