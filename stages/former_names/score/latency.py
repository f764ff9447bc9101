"""`python -m stages.score.latency`, today `python -m serving.score.latency`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.score.latency", "serving.score.latency")
