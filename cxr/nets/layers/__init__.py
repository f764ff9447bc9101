"""Layers that the nets share; `head` names the two that conversion and explanation look for."""
