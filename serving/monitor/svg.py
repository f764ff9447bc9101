"""Two distributions over one axis as SVG text, in the colours of the page's style sheet. Nothing is chosen here."""

import numpy as np
from markupsafe import Markup, escape

_WIDTH, _HEIGHT, _BINS = 300, 96, 30


def distributions(title: str, note: str, reference: np.ndarray, window: np.ndarray, mark: float | None) -> Markup:
    """Histograms of two columns of floats, as shares of studies a bin, over the range of both; `mark`: a threshold."""
    low, high = _range(reference, window)
    edges = np.linspace(low, high, _BINS + 1)
    shares = [np.histogram(np.clip(column, low, high), edges)[0] / len(column) for column in (reference, window)]
    top = max(float(share.max()) for share in shares)
    areas = "".join(
        f'<path class="{kind}" d="{_steps(share / top)}"/>'
        for kind, share in zip(("reference", "window"), shares, strict=True)
    )
    rule = "" if mark is None or not low <= mark <= high else _rule((mark - low) / (high - low))
    return Markup(  # noqa: S704  (words are escaped, the rest are numbers)
        f'<figure><figcaption>{escape(title)} <small>{escape(note)}</small></figcaption>'
        f'<svg viewBox="0 -2 {_WIDTH} {_HEIGHT + 16}" role="img" aria-label="{escape(title)}">{areas}{rule}'
        f'<path class="axis" d="M0 {_HEIGHT}H{_WIDTH}"/><text x="0" y="{_HEIGHT + 11}">{low:.3g}</text>'
        f'<text class="end" x="{_WIDTH}" y="{_HEIGHT + 11}">{high:.3g}</text></svg></figure>'
    )


def shares(title: str, note: str, reference: np.ndarray, window: np.ndarray, most: int = 6) -> Markup:
    """Shares of the most frequent words of two columns of words, as pairs of bars."""
    words, counts = np.unique(np.concatenate([reference, window]), return_counts=True)
    rows = []
    for row, word in enumerate(words[np.argsort(-counts, kind="stable")][:most]):
        old, new = float((reference == word).mean()), float((window == word).mean())
        y = 18 * row
        rows.append(
            f'<text x="0" y="{y + 11}">{escape(word or "unknown")}</text>'
            f'<rect class="reference" x="110" y="{y + 2}" width="{max(old * 150, 0.5):.1f}" height="6"/>'
            f'<rect class="window" x="110" y="{y + 9}" width="{max(new * 150, 0.5):.1f}" height="6"/>'
            f'<text x="{115 + 150 * max(old, new):.1f}" y="{y + 12}">{old:.0%}, {new:.0%}</text>'
        )
    return Markup(  # noqa: S704
        f'<figure><figcaption>{escape(title)} <small>{escape(note)}</small></figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {18 * len(rows) + 4}" role="img" aria-label="{escape(title)}">'
        f'{"".join(rows)}</svg></figure>'
    )


def _range(reference: np.ndarray, window: np.ndarray) -> tuple[float, float]:
    """From the lowest to the highest of both, a hundredth of each tail left to the outermost bins."""
    both = [np.quantile(column, [0.005, 0.995]) for column in (reference, window)]
    low, high = float(min(b[0] for b in both)), float(max(b[1] for b in both))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _steps(heights: np.ndarray) -> str:
    """A closed outline of bars, heights 0 to 1."""
    step = _WIDTH / len(heights)
    tops = "".join(f"V{_HEIGHT * (1 - h):.1f}H{(i + 1) * step:.1f}" for i, h in enumerate(heights.tolist()))
    return f"M0 {_HEIGHT}{tops}V{_HEIGHT}Z"


def _rule(part: float) -> str:
    return f'<path class="rule" d="M{_WIDTH * part:.1f} 0V{_HEIGHT}"/>'
