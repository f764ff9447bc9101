"""The one command `cxr`: it imports an area only when one of its words is called. Nothing imports this package."""
