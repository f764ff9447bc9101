"""`python -m stages.feedback`, today `cxr feedback`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.feedback", "serving.feedback", "cxr feedback")
