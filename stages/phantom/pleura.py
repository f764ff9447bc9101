"""Signs of the pleura and of the mediastinum. See `signs` for what a sign takes and returns."""

import numpy as np

from stages.phantom.anatomy import Anatomy
from stages.phantom.drawing import Frame, Mask, blob, ribbons, rim, smooth_curve
from stages.phantom.signs import BASE, either, level


def effusion(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """Fluid in the costophrenic angle: a meniscus that climbs the chest wall."""
    layers = []
    both = rng.random() < 0.25
    chosen = anatomy.lungs if both else (either(anatomy, rng),)
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
        pool = np.concatenate([surface, floor[15::-1], wall[::-1]])
        drawn = frame.fill(frame.blank(BASE), [pool], level(0.42))
        layers.append(frame.fill(drawn, ribbons(surface[None], 0.0075), level(0.52)))
    return layers


def pneumothorax(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """A thin visceral line that runs beside the upper chest wall, nothing but air beyond it."""
    lung = either(anatomy, rng)
    depth, reach = rng.uniform(0.035, 0.065), int(rng.integers(26, 33))
    outer = lung.wall[3:reach]
    fade = np.cos(np.linspace(0, 0.5 * np.pi, len(outer)))[:, None] ** 0.5
    inward = lung.at(0.3, 0.45) - outer
    inner = outer + inward / np.sqrt((inward * inward).sum(axis=1, keepdims=True)) * depth * fade
    drawn = frame.fill(frame.blank(BASE), [np.concatenate([outer, inner[::-1]])], level(-0.13))
    return [frame.fill(drawn, ribbons(inner[None], 0.008), level(0.31))]


def pleural_thickening(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """A lumpy bright rind along the lateral chest wall, with flecks of calcium."""
    lung = either(anatomy, rng)
    start, length = int(rng.integers(14, 20)), int(rng.integers(13, 17))
    outer = lung.wall[start : start + length]
    t = np.linspace(0, 1, length)
    bumps = 0.7 + 0.45 * np.sin(2 * np.pi * (rng.uniform(2.4, 3.2) * t + rng.random()))
    thick = rng.uniform(0.028, 0.038) * bumps * np.sin(np.pi * t) ** 0.5
    inner = outer - np.stack([lung.side * thick, np.zeros(length)], axis=1)
    rind = np.concatenate([outer, smooth_curve(inner, 60)[::-1]])
    at = rng.integers(2, length - 2, 12)
    flecks = outer[at] + (inner - outer)[at] * rng.uniform(0.2, 1.0, (12, 1))
    drawn = frame.fill(frame.blank(BASE), [rind], level(0.32))
    return [frame.discs(drawn, flecks, np.full(12, 0.007), level(0.62))]


def cardiomegaly(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """Within the enlarged heart that `anatomy` draws: the double contour of the left atrium,
    and a crisp edge of both ventricles."""
    heart = anatomy.heart
    height = (heart[:, 1] - anatomy.apex) / (anatomy.base - anatomy.apex)
    low = (height > 0.55) & (height < 1.0)
    centre = np.array([heart[low, 0].mean() - 0.01, anatomy.apex + 0.72 * (anatomy.base - anatomy.apex)])
    atrium = blob(rng, centre, (0.078, 0.068), 0.04)
    drawn = frame.fill(frame.blank(BASE), [atrium], level(0.10))
    frame.fill(drawn, rim(atrium, 0.009), level(0.25))
    for edge in (heart[low & (heart[:, 0] > 0.5)], heart[low & (heart[:, 0] < 0.5)]):
        frame.fill(drawn, ribbons(edge[None], 0.009), level(0.26))
    return [drawn]


def hernia(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """A hiatal hernia behind the heart: a walled pouch with air above a level of fluid."""
    centre = np.array([0.5 + rng.uniform(-0.02, 0.06), anatomy.base - rng.uniform(0.02, 0.075)])
    radius = rng.uniform(0.058, 0.076)
    pouch = blob(rng, centre, (radius * 1.15, radius), 0.05)
    surface = centre[1] + radius * rng.uniform(-0.15, 0.25)
    drawn = frame.fill(frame.blank(BASE), [pouch], level(0.14))
    frame.fill(drawn, [np.minimum(pouch, [2.0, surface])], level(-0.30))
    return [frame.fill(drawn, rim(pouch, 0.009), level(0.30))]
