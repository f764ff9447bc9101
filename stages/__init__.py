"""The science: one package for each DVC stage, and rooms that several stages share.

Importing it settles the machine (Keras flavour, instruction sets, telemetry) before NumPy, OpenCV or TensorFlow load,
and ties a stage that dvc started to those who started it, before anything slow is imported.
"""
import os
import sys

from stages import lifeline, machine

machine.settle()
if sys.argv[:1] == ["-m"] and "DVC_STAGE" in os.environ:  # `python -m stages.X`, its module being located
    lifeline.watch()
