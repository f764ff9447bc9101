"""The former names of scoring and of the measurement of a model's latency on one machine."""
