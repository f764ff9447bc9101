"""Train: from shards to `models/base`, a model folder with checksums, and learning curves by dvclive."""
