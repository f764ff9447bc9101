"""Layers that the nets share, and the two by which other code finds its way in a net (`head`)."""
