"""`python -m stages.gate`, today `python -m serving.gate`."""
from stages.former_names import run

if __name__ == "__main__":
    run("stages.gate", "serving.gate")
