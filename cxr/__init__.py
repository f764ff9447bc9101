"""The library: what stages, the production machine and flows share. It knows none of them, and no Prefect.

Folders, from the bottom up; one imports only those above it in this list:

- `core`: what decides bytes
- `params`: the schema of params.yaml
- `runtime`: what decides no bytes
- `data`: what passes between stages
- `imaging`: from a file's bytes to the net's input
- `raw`: raw batches and their layouts
- `model`: a model as a folder, run by LiteRT
- `selection`: what models are chosen by
- `metrics`: what models are judged by
- `nets`: the nets, with TensorFlow from here on
- `training`, `explanation`: the training loop; attributions and the pointing game

Importing any module has no effects. Why it is cut so: docs/explanation/architecture.md.
"""
