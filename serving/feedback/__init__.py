"""What became known of scored studies comes in here: `cxr feedback add TABLE.csv`.

Monitoring compares the model's answers with it; `batch` makes of it, with the images, what a retraining takes in.
"""
