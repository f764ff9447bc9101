"""Learning curves by dvclive: `plots/train/plots/metrics/*.tsv`, written anew from the history after each epoch."""

from collections.abc import Sequence
from pathlib import Path

from dvclive import Live

from cxr.core.files import atomic_folder

CURVES = Path("plots/train")


def record(history: Sequence[dict[str, float]]) -> None:
    """Write all epochs so far, whole or not at all; a resumed training gives the same files as any other."""
    with atomic_folder(CURVES) as folder, Live(str(folder), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        for entry in history:
            for name in sorted(entry.keys() - {"score"}):  # what decides is one of the others
                live.log_metric(name, round(entry[name], 6))
            live.next_step()
