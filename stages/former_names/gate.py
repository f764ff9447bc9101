"""`python -m stages.gate`, today `cxr gate`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.gate", "serving.gate", "cxr gate")
