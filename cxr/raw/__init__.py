"""Raw batches: what came in, immutable, below `data/raw/<set>/<batch>/`; read here, added by `make add-batch`."""
