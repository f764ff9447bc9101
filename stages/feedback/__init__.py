"""The door for what became known of scored studies: `python -m stages.feedback add TABLE.csv`. See `labels`.

Monitoring compares the model's answers with it; `batch` makes of it, with the images, what a retraining takes in.
"""
from stages.feedback.labels import Refused, add, read

__all__ = ["Refused", "add", "read"]
