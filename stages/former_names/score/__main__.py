"""`python -m stages.score`, today `cxr score`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.score", "serving.score", "cxr score")
