"""`python -m stages.batches`, today `cxr batch`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.batches", "cxr.raw", "cxr batch")
