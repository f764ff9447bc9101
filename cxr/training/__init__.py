"""What every training shares: data order, augmentation, losses, schedules, checkpoints, the loop, the model's card.

The weights are a function of the inputs, the parameters and the code: not of how often a run was killed, nor of the
number of threads that feed it. Train and compress both use it; what only one of them needs lies in its stage.
"""
