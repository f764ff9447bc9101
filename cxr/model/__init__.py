"""A model as a folder of plain files, its net run by LiteRT, and what its card says. Never imports TensorFlow.

Files are compared with the folder's SHA256SUMS before they are read, and nothing in them is unpickled or executed.
"""
