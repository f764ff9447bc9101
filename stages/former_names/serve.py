"""`python -m stages.serve`, today `python -m serving.http`."""
from stages.former_names import run

if __name__ == "__main__":
    run("stages.serve", "serving.http")
