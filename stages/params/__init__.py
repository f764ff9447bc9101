"""The one set of parameters: `load()` reads params.yaml, checks it against the schema and names what is wrong."""
from stages.params.load import ParamsError, load
from stages.params.schema import Params

__all__ = ["Params", "ParamsError", "load"]
