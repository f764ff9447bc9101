"""What train and compress choose by: AUROC, calibration, operating points."""
