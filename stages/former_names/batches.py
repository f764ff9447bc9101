"""`python -m stages.batches`, today `python -m cxr.raw`."""
from stages.former_names import run

if __name__ == "__main__":
    run("stages.batches", "cxr.raw")
