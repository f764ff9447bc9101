"""The story of `make demo-drift`: a scanner is added, drift is found, a retraining starts by itself and is promoted; a
poisoned batch is refused; production is rolled back. A real server and real workers, in `.demo/`. Not a part of the
pipeline: it plays its users, and so may ask both flows and stages.
"""
