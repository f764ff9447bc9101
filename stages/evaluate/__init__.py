"""Measures base and every compressed variant on the test split: how well they separate, how well calibrated they are,
what their thresholds from validation do there, how fast they run, and whether a compression pays.

Nothing is chosen or fitted here. Writes `metrics/evaluate.json`, `data/predictions.parquet`, `plots/evaluate/` (the
same bytes every time) and `metrics/latency.json` (speed: this machine's).
"""
