"""Signs within the lung itself. Each function draws one finding at full visibility.

A sign takes the anatomy, its own random stream and the image's side in pixels, and returns one
float32 layer (size, size) of attenuation for each place where the finding shows (one box each).
"""

from collections.abc import Callable

import numpy as np

from stages.phantom.anatomy import Anatomy, Lung
from stages.phantom.drawing import (
    Layer,
    Points,
    blank,
    blob,
    discs,
    fill,
    rings,
    soften,
    stroke,
)  # fmt: skip

Sign = Callable[[Anatomy, np.random.Generator, int], list[Layer]]


def _either(anatomy: Anatomy, rng: np.random.Generator) -> Lung:
    """One of the two lungs, by chance."""
    return anatomy.lungs[int(rng.random() < 0.5)]


def _within(lung: Lung, layer: Layer, size: int) -> Layer:
    """The part of a layer that lies in a lung field."""
    return layer * soften(fill(blank(size), [lung.outline]))


def _scatter(
    rng: np.random.Generator, centre: Points, radii: tuple[float, float], count: int
) -> Points:
    """Points (count, 2) spread evenly over an ellipse."""
    angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    return centre + np.stack([np.cos(angle) * reach * radii[0], np.sin(angle) * reach * radii[1]], 1)


def atelectasis(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """Discoid atelectasis: three straight, stacked plates in a lower zone."""
    lung = _either(anatomy, rng)
    centre = lung.at(rng.uniform(0.42, 0.6), rng.uniform(0.62, 0.86))
    tilt = lung.side * rng.uniform(0.1, 0.45)
    along = np.array([np.cos(tilt), np.sin(tilt)])
    gap = rng.uniform(0.026, 0.034)
    plates = []
    for row in range(3):
        half = rng.uniform(0.06, 0.095)
        middle = np.add(centre, [rng.normal(0, 0.01), row * gap])
        plates.append(np.stack([middle - along * half, middle + along * half]))
    return [_within(lung, soften(stroke(blank(size), plates, 0.013), 0.0035), size) * 0.42]


def consolidation(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """A dense segment with one straight fissural edge, and dark branching air bronchograms."""
    lung = _either(anatomy, rng)
    hilum, down = lung.at(0.12, rng.uniform(0.42, 0.6)), rng.choice([-1.0, 1.0])
    reach = rng.uniform(0.15, 0.19)
    corners = np.array([[0, 0], [1, -0.06], [1.05, 0.4], [0.7, 0.8], [0.25, 0.62], [0, 0.3]])
    segment = hilum + corners * [lung.side * reach, down * reach]
    solid = soften(fill(blank(size), [segment]))
    airways = []
    for angle in (0.12, 0.4, 0.72):
        tip = np.array([lung.side * np.cos(angle), down * np.sin(angle)]) * reach * 0.92
        fork = hilum + tip * 0.5
        airways.append(np.stack([hilum + tip * 0.08, fork, hilum + tip]))
        airways.append(np.stack([fork, fork + tip * 0.42 + np.array([0, down * 0.035])]))
    air = soften(stroke(blank(size), airways, 0.0095))
    return [_within(lung, solid * (0.30 - 0.34 * air), size)]


def infiltration(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """A field of small ill-defined flecks, in the middle of a lung."""
    lung = _either(anatomy, rng)
    centre = lung.at(rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.75))
    radii = (rng.uniform(0.07, 0.09), rng.uniform(0.09, 0.13))
    flecks = _scatter(rng, centre, radii, 46)
    drawn = discs(blank(size), flecks, rng.uniform(0.006, 0.0095, 46))
    return [_within(lung, soften(drawn, 0.0035), size) * 0.32]


def pneumonia(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """Bronchopneumonia: coarse fluffy rosettes that run together in one lower zone."""
    lung = _either(anatomy, rng)
    centre = lung.at(rng.uniform(0.35, 0.6), rng.uniform(0.6, 0.85))
    radii = (rng.uniform(0.075, 0.095), rng.uniform(0.07, 0.09))
    puffs = _scatter(rng, centre, radii, 15)
    drawn = soften(discs(blank(size), puffs, rng.uniform(0.016, 0.022, 15)), 0.005)
    holes = soften(discs(blank(size), puffs, np.full(15, 0.0075)))
    return [_within(lung, drawn * 0.36 - holes * 0.34, size)]


def mass(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """One large rounded opacity with a lobulated edge and short spicules (over 3 cm)."""
    lung = _either(anatomy, rng)
    centre = lung.at(rng.uniform(0.5, 0.8), rng.uniform(0.2, 0.8))
    radius = rng.uniform(0.052, 0.078)
    angle = np.arange(18) * (2 * np.pi / 18) + rng.uniform(0, 0.3)
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    spicules = np.stack([centre + ray * radius * 0.9, centre + ray * radius * 1.4], axis=1)
    body = fill(blank(size), [blob(rng, centre, (radius, radius), 0.12)])
    stroke(body, list(spicules), 0.004, 150)
    return [soften(body) * 0.42]


def nodule(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """Two or three small, round, sharp opacities (under 3 cm), away from the hilum."""
    layers = []
    for _ in range(int(rng.integers(2, 4))):
        lung = _either(anatomy, rng)
        centre = lung.at(rng.uniform(0.35, 0.85), rng.uniform(0.15, 0.85))
        radius = rng.uniform(0.021, 0.030)
        drawn = fill(blank(size), [blob(rng, centre, (radius, radius), 0.05)])
        layers.append(soften(drawn) * 0.46)
    return layers


def fibrosis(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """Honeycombing: packed small rings at the periphery of one or both bases."""
    layers = []
    lungs = anatomy.lungs if rng.random() < 0.5 else (_either(anatomy, rng),)
    for lung in lungs:
        centre = lung.at(rng.uniform(0.6, 0.85), rng.uniform(0.45, 0.9))
        pitch, rows = 0.0225, np.arange(-4, 5)
        x, y = np.meshgrid(rows + 0.0, rows * 0.87)
        cells = np.stack([(x + 0.5 * (rows[:, None] % 2)).ravel(), y.ravel()], 1) * pitch
        cells = cells[np.hypot(cells[:, 0] * 1.25, cells[:, 1]) < rng.uniform(0.075, 0.095)]
        cells = centre + cells + rng.normal(0, 0.0025, cells.shape)
        drawn = rings(blank(size), cells, np.full(len(cells), 0.0105), 0.0045)
        layers.append(_within(lung, soften(drawn), size) * 0.40)
    return layers


def edema(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """Kerley B lines at both lateral bases, and bat-wing cuffing about the hila."""
    layers = []
    for lung, hilum in zip(anatomy.lungs, anatomy.hila, strict=True):
        top = rng.uniform(0.55, 0.66)
        down = top + np.arange(9) * 0.034
        outer, inner = lung.at(0.99, down), lung.at(rng.uniform(0.66, 0.76, 9), down)
        lines = soften(stroke(blank(size), list(np.stack([outer, inner], 1)), 0.006))
        cuffs = _scatter(rng, np.add(hilum, [lung.side * 0.035, 0.0]), (0.05, 0.08), 9)
        wings = soften(rings(blank(size), cuffs, np.full(9, 0.0115), 0.007), 0.0035)
        layers.append(_within(lung, lines * 0.34 + wings * 0.26, size))
    return layers


def emphysema(anatomy: Anatomy, rng: np.random.Generator, size: int) -> list[Layer]:
    """Bullae: a cluster of thin-walled, dark, empty bubbles in one or both upper zones."""
    layers = []
    lungs = anatomy.lungs if rng.random() < 0.6 else (_either(anatomy, rng),)
    for lung in lungs:
        centre = lung.at(rng.uniform(0.45, 0.65), rng.uniform(0.2, 0.42))
        angle = np.arange(5) * (2 * np.pi / 5) + rng.uniform(-0.35, 0.35, 5) + rng.uniform(0, 6)
        around = np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.036, 0.068, (5, 1))
        radii = rng.uniform(0.022, 0.04, 5)
        hollow = soften(discs(blank(size), centre + around, radii))
        wall = soften(rings(blank(size), centre + around, radii, 0.006))
        layers.append(_within(lung, wall * 0.30 - hollow * 0.15, size))
    return layers


