"""`python -m command`: the same as `cxr`."""

from command.main import run

run()
