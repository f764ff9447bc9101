"""Signs of the pleura and of the mediastinum. Same contract as `parenchyma`."""

import numpy as np

from stages.phantom.anatomy import Anatomy
from stages.phantom.drawing import (
    Layer,
    blank,
    blob,
    discs,
    fill,
    smooth_curve,
    soften,
    stroke,
)  # fmt: skip


def effusion(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """Fluid in the costophrenic angle: a meniscus that climbs the chest wall."""
    layers = []
    both = rng.random() < 0.25
    chosen = anatomy.lungs if both else (anatomy.lungs[int(rng.random() < 0.5)],)
    for lung in chosen:
        height = rng.uniform(0.11, 0.18)
        floor = lung.diaphragm[:20]
        angle = lung.wall[-1]
        r = np.linspace(0, 1, 16)
        x = np.interp(angle[1] - height, lung.wall[12:, 1], lung.wall[12:, 0])
        inner = floor[15]
        surface = np.stack([x + (inner[0] - x) * r, angle[1] - height + (inner[1] - angle[1] + height)
                            * (1 - (1 - r) ** 2.6)], axis=1)  # fmt: skip
        wall = lung.wall[lung.wall[:, 1] > angle[1] - height]
        pool = soften(fill(blank(size), [np.concatenate([surface, floor[15::-1], wall[::-1]])]))
        rim = soften(stroke(blank(size), [surface], 0.007))
        layers.append(pool * 0.42 + rim * 0.24)
    return layers


def pneumothorax(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """A thin visceral line that runs beside the upper chest wall, nothing but air beyond it."""
    lung = anatomy.lungs[int(rng.random() < 0.5)]
    depth, reach = rng.uniform(0.035, 0.065), int(rng.integers(26, 33))
    outer = lung.wall[3:reach]
    fade = np.cos(np.linspace(0, 0.5 * np.pi, len(outer)))[:, None] ** 0.5
    middle = lung.at(0.3, 0.45)
    inward = middle - outer
    inner = outer + inward / np.linalg.norm(inward, axis=1, keepdims=True) * depth * fade
    air = soften(fill(blank(size), [np.concatenate([outer, inner[::-1]])]))
    line = soften(stroke(blank(size), [inner], 0.008))
    return [line * 0.36 - air * 0.13]


def pleural_thickening(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """A lumpy bright rind along the lateral chest wall, with flecks of calcium."""
    lung = anatomy.lungs[int(rng.random() < 0.5)]
    start, length = int(rng.integers(14, 20)), int(rng.integers(13, 17))
    outer = lung.wall[start : start + length]
    t = np.linspace(0, 1, length)
    bumps = 0.7 + 0.45 * np.sin(2 * np.pi * (rng.uniform(2.4, 3.2) * t + rng.random()))
    thick = rng.uniform(0.028, 0.038) * bumps * np.sin(np.pi * t) ** 0.5
    inner = outer - np.stack([lung.side * thick, np.zeros(length)], axis=1)
    rind = soften(fill(blank(size), [np.concatenate([outer, smooth_curve(inner, 60)[::-1]])]))
    at = rng.integers(2, length - 2, 12)
    flecks = outer[at] + (inner - outer)[at] * rng.uniform(0.2, 1.0, (12, 1))
    calcium = soften(discs(blank(size), flecks, np.full(12, 0.007)))
    return [rind * 0.32 + calcium * 0.34]


def cardiomegaly(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """Within the enlarged heart that `anatomy` draws: the double contour of the left atrium,
    and a crisp edge of both ventricles."""
    heart = anatomy.heart
    height = (heart[:, 1] - anatomy.apex) / (anatomy.base - anatomy.apex)
    low = (height > 0.55) & (height < 1.0)
    edges = [heart[low & (heart[:, 0] > 0.5)], heart[low & (heart[:, 0] < 0.5)]]
    centre = np.array([heart[low].mean(axis=0)[0] - 0.01, anatomy.apex + 0.72 * (anatomy.base - anatomy.apex)])
    atrium = blob(rng, centre, (0.078, 0.068), 0.04)
    inner = soften(fill(blank(size), [atrium])) * 0.10
    rim = soften(stroke(blank(size), [atrium[[*range(48), 0]]], 0.009)) * 0.20
    return [inner + rim + soften(stroke(blank(size), edges, 0.009)) * 0.24]


def hernia(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """A hiatal hernia behind the heart: a walled pouch with air above a level of fluid."""
    centre = np.array([0.5 + rng.uniform(-0.02, 0.06), anatomy.base - rng.uniform(0.02, 0.075)])
    radius = rng.uniform(0.058, 0.076)
    pouch = blob(rng, centre, (radius * 1.15, radius), 0.05)
    level = centre[1] + radius * rng.uniform(-0.15, 0.25)
    inside = soften(fill(blank(size), [pouch]))
    rows = (np.arange(size, dtype=np.float32) + 0.5) / size
    above = np.clip((level - rows) * size * 0.5 + 0.5, 0, 1)[:, None]
    wall = soften(stroke(blank(size), [pouch[[*range(48), 0]]], 0.009))
    return [inside * (0.14 - 0.44 * above) + wall * 0.26]
