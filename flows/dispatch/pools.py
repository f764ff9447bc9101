"""Which work pool each stage needs: the one place that says it. A stage not named here runs on `cpu`."""

CPU, GPU = "cpu", "gpu"
POOLS = (CPU, GPU)

_NEEDS = {"train": GPU, "compress": GPU, "explain": GPU}


def pool(address: str) -> str:
    """Work pool for a stage's address (`train`, `data/raw/dvc.yaml:phantom`)."""
    return _NEEDS.get(address.rpartition(":")[2], CPU)
