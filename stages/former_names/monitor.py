"""`python -m stages.monitor`, today `python -m serving.monitor`."""
from stages.former_names import run

if __name__ == "__main__":
    run("stages.monitor", "serving.monitor")
