"""Attributions and the pointing game, shared by the stage explain and the promotion gate.

Only `attribution` imports TensorFlow and shap; boxes and the game are arrays alone.
"""
