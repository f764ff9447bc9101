"""What passes between stages: the manifest, the shards of processed images, the record of the preprocessing.

Nothing is decoded or preprocessed in this folder: nets do not become stale with the decoder.
"""
