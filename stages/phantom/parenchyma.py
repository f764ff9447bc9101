"""Signs within the lung itself. See `signs` for what a sign takes and returns."""

import numpy as np

from stages.phantom.anatomy import Anatomy
from stages.phantom.drawing import Frame, Mask, blob, ribbons
from stages.phantom.signs import BASE, either, level, scatter, softened, within


def atelectasis(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """Discoid atelectasis: three straight, stacked plates in a lower zone."""
    lung = either(anatomy, rng)
    centre = lung.at(rng.uniform(0.42, 0.6), rng.uniform(0.62, 0.86))
    tilt = lung.side * rng.uniform(0.1, 0.45)
    along = np.array([np.cos(tilt), np.sin(tilt)])
    gap = rng.uniform(0.026, 0.034)
    half = rng.uniform(0.06, 0.095, (3, 1))
    middle = centre + np.stack([rng.normal(0, 0.01, 3), np.arange(3) * gap], axis=1)
    plates = ribbons(np.stack([middle - along * half, middle + along * half], axis=1), 0.012)
    drawn = frame.fill(frame.blank(BASE), plates, level(0.42))
    return [within(lung, softened(drawn, 0.0035), frame)]


def consolidation(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """A dense segment with one straight fissural edge, and dark branching air bronchograms."""
    lung = either(anatomy, rng)
    hilum, down = lung.at(0.12, rng.uniform(0.42, 0.6)), rng.choice([-1.0, 1.0])
    reach = rng.uniform(0.15, 0.19)
    corners = np.array([[0, 0], [1, -0.06], [1.05, 0.4], [0.7, 0.8], [0.25, 0.62], [0, 0.3]])
    drawn = frame.fill(frame.blank(BASE), [hilum + corners * [lung.side * reach, down * reach]], level(0.30))
    angle = np.array([0.12, 0.4, 0.72])
    tip = np.stack([lung.side * np.cos(angle), down * np.sin(angle)], axis=1) * (reach * 0.92)
    fork = hilum + tip * 0.5
    stems = np.stack([hilum + tip * 0.08, hilum + tip], axis=1)
    twigs = np.stack([fork, fork + tip * 0.42 + [0, down * 0.035]], axis=1)
    for airways in (stems, twigs):
        frame.fill(drawn, ribbons(airways, 0.0085), level(-0.04))
    return [within(lung, drawn, frame)]


def infiltration(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """A field of small ill-defined flecks, in the middle of a lung."""
    lung = either(anatomy, rng)
    centre = lung.at(rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.75))
    radii = (rng.uniform(0.07, 0.09), rng.uniform(0.09, 0.13))
    flecks = scatter(rng, centre, radii, 46)
    drawn = frame.discs(frame.blank(BASE), flecks, rng.uniform(0.006, 0.0095, 46), level(0.32))
    return [within(lung, softened(drawn, 0.0035), frame)]


def pneumonia(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """Bronchopneumonia: coarse fluffy rosettes that run together in one lower zone."""
    lung = either(anatomy, rng)
    centre = lung.at(rng.uniform(0.35, 0.6), rng.uniform(0.6, 0.85))
    radii = (rng.uniform(0.075, 0.095), rng.uniform(0.07, 0.09))
    puffs = scatter(rng, centre, radii, 15)
    drawn = frame.discs(frame.blank(BASE), puffs, rng.uniform(0.016, 0.022, 15), level(0.36))
    frame.discs(softened(drawn, 0.005), puffs, np.full(15, 0.0075), level(0.0))
    return [within(lung, drawn, frame)]


def mass(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """One large rounded opacity with a lobulated edge and short spicules (over 3 cm)."""
    lung = either(anatomy, rng)
    centre = lung.at(rng.uniform(0.5, 0.8), rng.uniform(0.2, 0.8))
    radius = rng.uniform(0.052, 0.078)
    angle = np.arange(18) * (2 * np.pi / 18) + rng.uniform(0, 0.3)
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    spicules = np.stack([centre + ray * radius * 0.9, centre + ray * radius * 1.4], axis=1)
    body = frame.fill(frame.blank(BASE), [blob(rng, centre, (radius, radius), 0.12)], level(0.42))
    return [frame.stroke(body, spicules, 0.004, level(0.25))]


def nodule(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """Two or three small, round, sharp opacities (under 3 cm), away from the hilum."""
    layers = []
    for _ in range(int(rng.integers(2, 4))):
        lung = either(anatomy, rng)
        centre = lung.at(rng.uniform(0.35, 0.85), rng.uniform(0.15, 0.85))
        radius = rng.uniform(0.021, 0.030)
        outline = blob(rng, centre, (radius, radius), 0.05)
        layers.append(frame.fill(frame.blank(BASE), [outline], level(0.46)))
    return layers


def fibrosis(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """Honeycombing: packed small cells at the periphery of one or both bases."""
    layers = []
    lungs = anatomy.lungs if rng.random() < 0.5 else (either(anatomy, rng),)
    for lung in lungs:
        centre = lung.at(rng.uniform(0.6, 0.85), rng.uniform(0.45, 0.9))
        pitch, rows = 0.0225, np.arange(-4, 5)
        x, y = np.meshgrid(rows + 0.0, rows * 0.87)
        cells = np.stack([(x + 0.5 * (rows[:, None] % 2)).ravel(), y.ravel()], 1) * pitch
        cells = cells[np.hypot(cells[:, 0] * 1.25, cells[:, 1]) < rng.uniform(0.075, 0.095)]
        cells = centre + cells + rng.normal(0, 0.0025, cells.shape)
        drawn = frame.cells(frame.blank(BASE), cells, np.full(len(cells), 0.0104), 0.0048, (level(0.40), BASE))
        layers.append(within(lung, drawn, frame))
    return layers


def edema(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """Kerley B lines at both lateral bases, and bat-wing cuffing about the hila."""
    layers = []
    for lung, hilum in zip(anatomy.lungs, anatomy.hila, strict=True):
        top = rng.uniform(0.42, 0.66)
        down = top + np.arange(9) * 0.034
        outer, inner = lung.at(0.99, down), lung.at(rng.uniform(0.66, 0.76, 9), down)
        cuffs = scatter(rng, hilum + np.array([lung.side * 0.035, 0.0]), (0.05, 0.08), 9)
        wings = frame.cells(frame.blank(BASE), cuffs, np.full(9, 0.0115), 0.0075, (level(0.26), level(0.06)))
        lines = ribbons(np.stack([outer, inner], 1), 0.0065)
        layers.append(within(lung, frame.fill(softened(wings, 0.0035), lines, level(0.34)), frame))
    return layers


def emphysema(anatomy: Anatomy, rng: np.random.Generator, frame: Frame) -> list[Mask]:
    """Bullae: a cluster of thin-walled, dark, empty bubbles in one or both upper zones."""
    layers = []
    lungs = anatomy.lungs if rng.random() < 0.6 else (either(anatomy, rng),)
    for lung in lungs:
        centre = lung.at(rng.uniform(0.45, 0.65), rng.uniform(0.2, 0.42))
        angle = np.arange(5) * (2 * np.pi / 5) + rng.uniform(-0.35, 0.35, 5) + rng.uniform(0, 6)
        around = np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.036, 0.068, (5, 1))
        radii = rng.uniform(0.022, 0.04, 5)
        drawn = frame.cells(frame.blank(BASE), centre + around, radii, 0.007, (level(0.24), level(-0.15)))
        layers.append(within(lung, drawn, frame))
    return layers
