"""`python -m stages.predict`, today `cxr predict`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.predict", "serving.predict", "cxr predict")
