"""What evaluate, the promotion gate and the monitor judge by: intervals, comparisons, thresholds, times."""
