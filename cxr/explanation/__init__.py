"""Attributions and the pointing game, shared by the stage explain and the promotion gate."""
