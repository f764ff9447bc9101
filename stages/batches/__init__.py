"""Batches: what came in, immutable, below `data/raw/<set>/<batch>/`: read here, added by `make add-batch`.

`open_set` lists, `verify_set` checks seals and ledger. What a batch's tables and folders mean is `stages.ingest`'s.
"""
from stages.batches.batch import Batch, Location, open_set
from stages.batches.names import BatchError
from stages.batches.seals import verify_set

__all__ = ["Batch", "BatchError", "Location", "open_set", "verify_set"]
