"""`python -m stages.score`, today `python -m serving.score`."""
from stages.former_names import run

if __name__ == "__main__":
    run("stages.score", "serving.score")
