"""Scoring with what is in production, into a log: `cxr score [FOLDER]`; no TensorFlow.

- `files`: lists what is to be scored
- `score_images`: from bytes to what the net sees and what is noted of it
- `model`: the release in use
- `worker`: scores a batch of files in a process of its own
- `log_writer`: writes the scoring log
- `run`: puts them together
"""
