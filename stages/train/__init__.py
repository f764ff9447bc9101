"""Train: from shards to `models/base`, a sealed model folder, with curves by dvclive."""
