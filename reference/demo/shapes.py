"""Outlines of the demo world's things as polygons in [-1, 1] (x right, y down), and masks drawn from them: at
four times the size and shrunk, so that edges are smooth. Knows nothing of colours or captions."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

OVERSAMPLE = 4


def disc(x=0.0, y=0.0, rx=1.0, ry=None, n=48):
    ry = rx if ry is None else ry
    a = np.linspace(0, 2 * math.pi, n, endpoint=False)
    return np.stack([x + rx * np.cos(a), y + ry * np.sin(a)], 1)


def polygon(*points):
    return np.array(points, dtype=float)


def box(x0, y0, x1, y1):
    return polygon((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _star():
    a = -math.pi / 2 + np.arange(10) * math.pi / 5
    r = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
    return np.stack([r * np.cos(a), r * np.sin(a)], 1) + [0, 0.06]


def _heart():
    t = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([x / 16, y / 16 - 0.05], 1)


def _petals():
    a = -math.pi / 2 + np.arange(5) * 2 * math.pi / 5
    return [("add", disc(0.56 * math.cos(t), 0.56 * math.sin(t), 0.42)) for t in a]


# A thing is a list of (operation, polygon): add to it, cut from it, or a detail inside it in a darker tone.
SHAPES = {
    "circle": [("add", disc(rx=0.92))],
    "square": [("add", box(-0.82, -0.82, 0.82, 0.82))],
    "triangle": [("add", polygon((0, -0.95), (0.98, 0.78), (-0.98, 0.78)))],
    "star": [("add", _star())],
    "heart": [("add", _heart())],
    "moon": [("add", disc(rx=0.95)), ("cut", disc(0.45, -0.1, 0.78))],
    "cross": [("add", box(-0.3, -0.92, 0.3, 0.92)), ("add", box(-0.92, -0.3, 0.92, 0.3))],
    "ring": [("add", disc(rx=0.95)), ("cut", disc(rx=0.5))],
    "arrow": [
        (
            "add",
            polygon(
                (-0.98, -0.26), (0.1, -0.26), (0.1, -0.75), (0.98, 0), (0.1, 0.75), (0.1, 0.26), (-0.98, 0.26)
            ),
        )
    ],
    "flower": [*_petals(), ("add", disc(rx=0.4)), ("detail", disc(rx=0.3))],
    "house": [
        ("add", box(-0.7, -0.15, 0.7, 0.9)),
        ("add", polygon((-0.98, -0.1), (0, -0.95), (0.98, -0.1))),
        ("detail", box(-0.2, 0.3, 0.2, 0.9)),
    ],
    "fish": [
        ("add", disc(0.18, 0, 0.76, 0.52)),
        ("add", polygon((-0.4, 0), (-0.98, -0.52), (-0.98, 0.52))),
        ("detail", disc(0.55, -0.12, 0.12)),
    ],
}


def densified(points, step=0.08):
    """The same outline with a point at least every `step`, so that it can be bent."""
    out = []
    for a, b in zip(points, np.roll(points, -1, 0)):
        n = max(1, int(np.ceil(np.linalg.norm(b - a) / step)))
        out.append(a + (b - a) * np.arange(n)[:, None] / n)
    return np.concatenate(out)


def wobbled(points, rng_phases, amount):
    """Bends an outline smoothly, as a hand does. `rng_phases` [2, 3]."""
    points = densified(points)
    x, y = points[:, 0], points[:, 1]
    dx = sum(np.sin((3 + 2 * k) * y + p) for k, p in enumerate(rng_phases[0]))
    dy = sum(np.sin((3 + 2 * k) * x + p) for k, p in enumerate(rng_phases[1]))
    return points + amount * np.stack([dx, dy], 1)


class Tile:
    """The square of pixels around one thing. centre and radius in pixels of the picture."""

    def __init__(self, centre, radius, side, margin=1.15):
        reach = radius * margin + 2
        self.x0, self.y0 = (max(0, math.floor(c - reach)) for c in centre)
        self.x1, self.y1 = (min(side, math.ceil(c + reach)) for c in centre)
        self.centre, self.radius = centre, radius
        self.size = (max(1, self.x1 - self.x0) * OVERSAMPLE, max(1, self.y1 - self.y0) * OVERSAMPLE)

    def pixels(self, points, angle=0.0):
        """Outline coordinates -> oversampled tile pixels."""
        c, s = math.cos(angle), math.sin(angle)
        turned = points @ np.array([[c, s], [-s, c]])
        return (turned * self.radius + np.array(self.centre) - [self.x0, self.y0]) * OVERSAMPLE

    def mask(self, parts, operations, angle=0.0):
        """Oversampled PIL mask of the parts with one of the operations; 'cut' always cuts."""
        image = Image.new("L", self.size, 0)
        draw = ImageDraw.Draw(image)
        for operation, points in parts:
            if operation in operations:
                draw.polygon([tuple(p) for p in self.pixels(points, angle)], fill=255)
            elif operation == "cut":
                draw.polygon([tuple(p) for p in self.pixels(points, angle)], fill=0)
        return image

    def rim(self, mask, width):
        """The inner edge of a mask, `width` picture pixels wide: what a blurred copy no longer fills."""
        r = max(1.0, 1.15 * width * OVERSAMPLE)
        # A margin, so that the picture's border is no edge of the thing.
        padded = Image.new("L", (mask.width + 2, mask.height + 2), 0)
        padded.paste(mask, (1, 1))
        soft = padded.filter(ImageFilter.BoxBlur(r)).crop((1, 1, 1 + mask.width, 1 + mask.height))
        inner = np.asarray(soft) < 235
        return Image.fromarray((np.asarray(mask) * inner).astype(np.uint8))

    def grid(self):
        """Picture coordinates (x, y) of the tile's oversampled pixels."""
        w, h = self.size
        x = self.x0 + (np.arange(w) + 0.5) / OVERSAMPLE
        y = self.y0 + (np.arange(h) + 0.5) / OVERSAMPLE
        return np.meshgrid(x, y)

    def blend(self, canvas, mask, colour):
        """Paints colour (three numbers in 0..1) through an oversampled mask (PIL or bool) onto canvas [H, W, 3]."""
        if not isinstance(mask, Image.Image):
            mask = Image.fromarray((mask * 255).astype(np.uint8))
        alpha = np.asarray(mask.reduce(OVERSAMPLE), dtype=np.float32)[..., None] / 255
        view = canvas[self.y0 : self.y1, self.x0 : self.x1]
        alpha = alpha[: view.shape[0], : view.shape[1]]
        view += alpha * (np.asarray(colour, dtype=np.float32) - view)
