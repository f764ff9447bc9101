"""`python -m stages.production`, today `cxr production`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.production", "serving.registry", "cxr production")
