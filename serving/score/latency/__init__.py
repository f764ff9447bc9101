"""Milliseconds an image on this machine: `python -m serving.score.latency MODEL FOLDER...`. See `measure`."""
