"""Makes smaller variants of the trained net (pruned, float16, int8), measures them on validation and chooses one.

Each variant is a model folder with checksums below `models/compressed/`; the figures and the choice go to
`metrics/compress.json`. The choice looks at AUROC on validation, bytes and multiply-adds, never at speed.
"""
