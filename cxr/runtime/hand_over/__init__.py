"""JSON that one package writes and another reads, as typed documents with a format number.

`release` is written by serving.registry, `gate_verdict` by serving.gate, `drift_verdict` by serving.monitor and
`scoring_counts` by serving.score; flows read all four. A document without a number was written before there were any,
and is read as format 0.
"""

from cxr.runtime.hand_over.drift_verdict import DriftVerdict
from cxr.runtime.hand_over.gate_verdict import GateVerdict
from cxr.runtime.hand_over.release import HistoryLine, InProduction, ReleaseRecord
from cxr.runtime.hand_over.scoring_counts import ScoringCounts

__all__ = ["DriftVerdict", "GateVerdict", "HistoryLine", "InProduction", "ReleaseRecord", "ScoringCounts"]
