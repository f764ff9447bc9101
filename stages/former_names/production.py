"""`python -m stages.production`, today `python -m serving.registry`."""
from stages.former_names import run

if __name__ == "__main__":
    run("stages.production", "serving.registry")
