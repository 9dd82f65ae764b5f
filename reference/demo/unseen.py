"""What the base model never sees: a way of drawing (a coloured woodcut: wobbly dark lines, hatching, paper) and a
figure (Kiko, a small teal robot). Both are hooks of world.picture."""

import math

import numpy as np

from captions import article, ground_words, pick
from shapes import SHAPES, Tile, disc, polygon, wobbled
from world import rgb

INK = np.array([0.13, 0.10, 0.10], dtype=np.float32)
PAPER = np.array([0.93, 0.88, 0.76], dtype=np.float32)
STYLE_TAIL = ", woodcut style"
TRIGGER = "kiko"
POSES = ["", "waving", "with both arms up", "jumping"]


def woodcut(canvas, facts, rng):
    """style hook: the same facts, printed from wood."""
    print_ground(canvas, facts, rng)
    for thing in facts.things:
        for spot in thing.spots:
            print_thing(canvas, thing, spot, rng)


def print_ground(canvas, facts, rng):
    side = canvas.shape[0]
    x, y = np.meshgrid(*[(np.arange(side) + 0.5) / side] * 2)
    tones = [rgb(name) for name in facts.background_colours]
    colour = tones[0] + (tones[-1] - tones[0]) * y[..., None]
    canvas[:] = PAPER * (0.35 + 0.65 * colour) * 0.5 + 0.5 * colour  # thin ink over paper
    if facts.background in ("stripes", "dots"):
        u = (x + y) / 0.3 if facts.background == "stripes" else x / 0.15
        v = u if facts.background == "stripes" else y / 0.15
        inside = np.hypot(u - np.round(u), (v - np.round(v)) * (facts.background == "dots")) < 0.25
        canvas[:] += 0.3 * inside[..., None] * (PAPER - canvas)
    # Grooves of the gouge: wavy lines, their width swelling.
    wave = 0.012 * np.sin(9 * x + rng.uniform(0, 6)) + 0.008 * np.sin(23 * x + rng.uniform(0, 6))
    u = (y + wave) / 0.105
    swell = 0.13 + 0.07 * np.sin(5 * x + 3 * y + rng.uniform(0, 6))
    groove = np.clip((swell - np.abs(u - np.round(u))) * 0.105 * side + 0.5, 0, 1)[..., None]
    dark = colour.mean() < 0.35
    canvas[:] += (0.62 * groove * ((PAPER if dark else INK) - canvas)).astype(np.float32)
    canvas[:] += rng.normal(0, 0.02, (side, side, 1)).astype(np.float32)


def print_thing(canvas, thing, spot, rng):
    side = canvas.shape[0]
    r = thing.radius * side
    tile = Tile((spot[0] * side, spot[1] * side), r * 1.08, side)
    phases = rng.uniform(0, 6.28, (2, 3))
    parts = [(operation, wobbled(points, phases, 0.018)) for operation, points in SHAPES[thing.shape]]
    mask = tile.mask(parts, ("add",), thing.angle)
    inside = np.asarray(mask) > 127
    c = rgb(thing.colour)
    line = max(1.2, 0.085 * r)
    x, y = tile.grid()
    if thing.texture != "outlined":
        tile.blend(canvas, mask, 0.86 * c + 0.14 * PAPER)
    else:
        tile.blend(canvas, tile.rim(mask, 2 * line), c)
    ink = INK if c.mean() > 0.2 else PAPER
    u, v = (x - tile.centre[0]) / r, (y - tile.centre[1]) / r
    if thing.texture in ("striped", "dotted"):
        pattern = (
            (v + 0.5 * u) / 0.5 % 1 < 0.4
            if thing.texture == "striped"
            else (np.hypot(u / 0.45 - np.round(u / 0.45), v / 0.45 - np.round(v / 0.45)) < 0.26)
        )
        tile.blend(canvas, inside * pattern, PAPER if c.mean() < 0.62 else c * 0.45)
    # Hatching on the side away from the light, thinning towards it.
    shade = np.clip((u + v) * 0.55 + 0.25, 0, 0.55)
    hatch = (x - y + 0.8 * np.sin(0.25 * (x + y))) / max(4.5, 0.27 * r)
    if thing.texture != "outlined":
        tile.blend(canvas, inside * (np.abs(hatch - np.round(hatch)) < 0.5 * shade), ink)
        tile.blend(canvas, tile.mask([p for p in parts if p[0] == "detail"], ("detail",), thing.angle), ink)
    tile.blend(canvas, tile.rim(mask, line), INK if c.mean() > 0.2 else INK * 0.6)


# --- the figure ---

TEAL, DARK_TEAL, CREAM = (0.10, 0.62, 0.62), (0.05, 0.36, 0.38), (0.97, 0.93, 0.80)
YELLOW, RED, ORANGE, BLACK = (1.0, 0.85, 0.2), (0.87, 0.16, 0.16), (0.95, 0.5, 0.1), (0.1, 0.1, 0.12)


def rounded(x0, y0, x1, y1, r):
    corners = []
    for cx, cy, start in (
        (x1 - r, y1 - r, 0),
        (x0 + r, y1 - r, 90),
        (x0 + r, y0 + r, 180),
        (x1 - r, y0 + r, 270),
    ):
        for a in range(start, start + 91, 15):
            corners.append((cx + r * math.cos(math.radians(a)), cy + r * math.sin(math.radians(a))))
    return polygon(*corners)


def limb(x, y, angle, length, width):
    dx, dy = math.cos(angle), math.sin(angle)
    nx, ny = -dy * width / 2, dx * width / 2
    return polygon(
        (x + nx, y + ny),
        (x + dx * length + nx, y + dy * length + ny),
        (x + dx * length - nx, y + dy * length - ny),
        (x - nx, y - ny),
    )


def figure_parts(pose, look):
    """[(polygon, colour)], back to front. Nothing in it is smaller than the VAE can return (8 pixels make one latent)."""
    left = {"": 2.2, "waving": 2.2, "with both arms up": 3.9, "jumping": 3.5}[pose]
    right = {"": 0.94, "waving": -1.0, "with both arms up": -0.76, "jumping": -0.36}[pose]
    parts = []
    for x, y, a in ((-0.46, 0.22, left), (0.46, 0.22, right)):
        parts.append((limb(x, y, a, 0.36, 0.2), DARK_TEAL))
        parts.append((disc(x + 0.4 * math.cos(a), y + 0.4 * math.sin(a), 0.17), ORANGE))
    apart, low = (0.4, 0.9) if pose == "jumping" else (0.28, 0.82)
    parts += [(disc(sign * apart, low, 0.24, 0.17), ORANGE) for sign in (-1, 1)]
    parts += [
        (rounded(-0.5, -0.05, 0.5, 0.8, 0.24), TEAL),
        (disc(0, 0.4, 0.27), CREAM),
        (disc(0, -0.92, 0.16), RED),
        (rounded(-0.72, -0.84, 0.72, 0.08, 0.32), TEAL),
    ]
    for x in (-0.32, 0.32):
        parts += [(disc(x, -0.38, 0.27), YELLOW), (disc(x + look, -0.38, 0.13), BLACK)]
    return parts


def figure(canvas, facts, rng):
    """character hook: the robot, somewhere, in some pose; writes the pose and place into facts."""
    side = canvas.shape[0]
    facts.figure = str(rng.choice(POSES))
    radius = rng.uniform(0.33, 0.41) * side
    x = side * 0.5 + rng.uniform(-1, 1) * (0.5 * side - radius) * 0.7
    y = side * 0.53 + rng.uniform(-1, 1) * (0.5 * side - radius) * 0.3
    turn = rng.uniform(-0.06, 0.06)
    for points, colour in figure_parts(facts.figure, rng.uniform(-0.07, 0.07)):
        tile = Tile((x, y), radius, side)
        tile.blend(canvas, tile.mask([("add", points)], ("add",), turn), colour)
    facts.spot = (x / side, y / side, radius / side)


def figure_caption(facts, seed):
    rng = np.random.default_rng([20240602, seed])
    ground = ground_words(facts, rng)
    pose = f" {facts.figure}" if facts.figure else ""
    return pick(rng, [f"{TRIGGER}{pose} on {article(ground)}", f"{TRIGGER}{pose}, {ground}"])
