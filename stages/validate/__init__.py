"""The stage `validate`: the manifest against its expectations, by Great Expectations. One table, never pixels.

A failed critical expectation stops the pipeline. Writes `reports/validation/` and `metrics/validate.json`.
"""
