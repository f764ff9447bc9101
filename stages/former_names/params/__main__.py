"""`python -m stages.params`, today `python -m stages.check`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.params", "stages.check")
