"""`python -m stages.serve`, today `cxr serve`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.serve", "serving.http", "cxr serve")
