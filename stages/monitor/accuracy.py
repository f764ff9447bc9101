"""How well the model still separates: measured where labels came, estimated from its probabilities where none did.

Measured: AUROC of each label and their mean against the reference's, one-sided, with standard errors by bootstrap;
the window's are widened by what drawing patients instead of images adds on the reference, since its patients are not
known. Estimated: every study counts as positive with its calibrated probability (Guillory et al. 2021 and NannyML's
CBPE); that holds where the probabilities still hold, so it is reported and never judged by.
"""
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from stages import measures
from stages.monitor.rule import Comparison
from stages.monitor.window import Studies

_SEED = 19


def compare(
    reference: Studies, patient: np.ndarray, window: Studies, labels: Sequence[str], *, score: str, floor: float,
    least: int, resamples: int
) -> Iterator[Comparison]:
    """A comparison for each label with at least `least` labelled positives and negatives on both sides, and `macro`
    over them. `score` is the task (see `stages.measures.scores`); nothing where no label has enough."""
    known = np.isfinite(window.targets).any(axis=1)
    judged = [i for i in range(len(labels)) if _enough(reference.targets[:, i], least)
              and _enough(window.targets[:, i], least)]
    if not judged:
        return
    old = _replicates(reference.targets[:, judged], measures.scores(reference.logits, score)[:, judged], patient,
                      resamples)
    alone = _replicates(reference.targets[:, judged], measures.scores(reference.logits, score)[:, judged],
                        np.arange(len(reference)), resamples)
    new = _replicates(window.targets[known][:, judged], measures.scores(window.logits, score)[known][:, judged],
                      np.arange(int(known.sum())), resamples)
    widened = np.maximum(1.0, _error(old) / np.maximum(_error(alone), 1e-9))
    fewest = [min(_cases(window.targets[:, i])) for i in judged]
    names = [labels[i] for i in judged] + (["macro"] if len(judged) > 1 else [])
    for place, name in enumerate(names):
        drop = float(old[0, place] - new[0, place])
        least_error = 0.5 / max(fewest) if name == "macro" else 0.5 / fewest[place]
        error = np.hypot(_error(old)[place], max(_error(new)[place] * widened[place], least_error))
        yield Comparison(f"AUROC {name}", "accuracy", "drop", drop, floor, float(stats.norm.sf(drop / error)),
                         float(old[0, place]), float(new[0, place]))


def estimated_auroc(scores: np.ndarray, probabilities: np.ndarray) -> float:
    """AUROC to be expected of one label (n,) if its calibrated probabilities hold; NaN without studies.

    Each study is a positive of weight p and a negative of weight 1 - p.
    """
    n = len(scores)
    if not n:
        return float("nan")
    positive = np.repeat([True, False], n)
    weights = np.concatenate([probabilities, 1 - probabilities])[None]
    return float(measures.label_auroc(positive, np.tile(scores, 2), weights)[0])


def _cases(targets: np.ndarray) -> tuple[int, int]:
    return int((targets == 1).sum()), int((targets == 0).sum())


def _enough(targets: np.ndarray, least: int) -> bool:
    return min(_cases(targets)) >= least


def _replicates(targets: np.ndarray, scores: np.ndarray, units: np.ndarray, resamples: int) -> np.ndarray:
    """AUROC (1 + resamples, labels [+ 1]): row 0 as measured; the last column is the mean where there are several."""
    bootstrap = measures.PatientBootstrap([str(unit) for unit in units], resamples, _SEED)
    columns = []
    for i in range(targets.shape[1]):
        known = np.isfinite(targets[:, i])
        found = [measures.label_auroc(targets[known, i] > 0.5, scores[known, i])]
        found += [measures.label_auroc(targets[known, i] > 0.5, scores[known, i], weights[:, known])
                  for weights in bootstrap.weights()]
        columns.append(np.concatenate(found))
    table = np.stack(columns, axis=1)
    return np.column_stack([table, table.mean(axis=1)]) if table.shape[1] > 1 else table


def _error(replicates: np.ndarray) -> np.ndarray:
    error: np.ndarray = np.nanstd(replicates[1:], axis=0)
    return error
