"""What evaluate, the promotion gate and the monitor judge by: intervals, comparisons, thresholds, latency.

Nothing here is chosen by or fitted: a change makes no net stale. Functions over arrays, no files.
"""
