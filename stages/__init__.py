"""The science: one package for each DVC stage, and rooms that several stages share.

Importing it settles the machine (Keras flavour, instruction sets, telemetry) before NumPy, OpenCV or TensorFlow load.
"""
from stages import machine

machine.settle()
