"""A checkout as flows see it: git, dvc.lock, the DVC cache, what is stale, what is recorded."""
