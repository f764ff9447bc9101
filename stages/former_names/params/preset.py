"""`python -m stages.params.preset`, today `cxr preset`."""

from stages.former_names import run

if __name__ == "__main__":
    run("stages.params.preset", "command.preset", "cxr preset")
