"""Exactly what dvc.yaml runs: a package for each stage. Importing one has no effects; `python -m stages.NAME` runs."""
