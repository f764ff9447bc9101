"""Scoring with what is in production, into a log: `python -m serving.score [FOLDER]`; no TensorFlow.

`places` lists files, `study` turns bytes into what the net sees and what is noted of it, `model` is the release in use,
`worker` scores a batch in a process of its own, `log` is the table of all that was scored, `run` puts them together.
"""
