"""What every training shares: session, data order, augmentation, losses, schedules, checkpoints, the loop itself."""
