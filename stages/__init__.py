"""The science: one package for each DVC stage, and rooms that several stages share.

Importing it settles the machine (Keras flavour, instruction sets, telemetry) before NumPy, OpenCV or TensorFlow load,
ties a stage that dvc started to those who started it, and lets Ctrl-C end it in one line, before anything slow is
imported. From its work on, `stages.entry` hears the interrupt.
"""
import os
import signal
import sys
from types import FrameType

from stages import lifeline, machine


def _interrupted_at_the_start(number: int, frame: FrameType | None) -> None:
    os.write(2, b"\ninterrupted before the stage's work began: the same command goes on where it stopped\n")
    os._exit(130)


machine.settle()
if sys.argv[:1] == ["-m"] and "DVC_STAGE" in os.environ:  # `python -m stages.X`, its module being located
    lifeline.watch()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where the background ignores it
        signal.signal(signal.SIGINT, _interrupted_at_the_start)
