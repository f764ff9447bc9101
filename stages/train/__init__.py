"""The stage `train`: from shards to `models/base`, a model folder, with learning curves by dvclive.

It resumes from its last checkpoint. Gate studies decide nothing of the model.
"""
