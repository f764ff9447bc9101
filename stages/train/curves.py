"""Learning curves by dvclive: `plots/train/plots/metrics/*.tsv`, written anew from the history after each epoch."""
import shutil
from collections.abc import Sequence
from pathlib import Path

from dvclive import Live

CURVES = Path("plots/train")


def record(history: Sequence[dict[str, float]]) -> None:
    """Write all epochs so far; a training that was resumed gives the same files as one that was not."""
    shutil.rmtree(CURVES, ignore_errors=True)
    with Live(str(CURVES), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        for entry in history:
            for name in sorted(entry.keys() - {"score"}):  # what decides is one of the others
                live.log_metric(name, round(entry[name], 6))
            live.next_step()
