"""The one set of parameters: `load()` reads params.yaml, checks it against the schema and names what is wrong."""

from cxr.params.load import ParamsError, load
from cxr.params.schema import Params

__all__ = ["Params", "ParamsError", "load"]
