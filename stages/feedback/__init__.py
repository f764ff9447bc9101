"""The door for what became known of scored studies: `python -m stages.feedback add TABLE.csv`. See `labels`.

Monitoring compares the model's answers with it. Not for training data: those come in as a batch (`make add-batch`).
"""
from stages.feedback.labels import Refused, add, read

__all__ = ["Refused", "add", "read"]
