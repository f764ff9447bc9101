"""The embedded default: radiograph-like chest phantoms in the layout in which NIH ships ChestX-ray14.

Not for teaching medicine: the signs are stylised so that a small net can learn them in minutes.
"""
