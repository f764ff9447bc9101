"""The nets: flat functional tf-keras models that are built from a spec of plain JSON.

Input: float32 (n, height, width, channels) in 0..255 (uint8 grey levels as floats; scaling is part of the net). Output:
logits, float32 (n, outputs). `factory` builds and loads them, `registry` knows them by name, and `architectures` holds
one file for each: to add a net, write that file and allow its name in `train.net` (cxr/params/learning.py). This module
imports nothing; every other one of the folder but `registry` imports TensorFlow.
"""
