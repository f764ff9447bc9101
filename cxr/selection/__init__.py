"""What train and compress choose by, on validation: AUROC, calibration, operating points. Arrays in, no files.

What only judges a finished model belongs into `cxr.metrics`, where a change makes no net stale.
"""
