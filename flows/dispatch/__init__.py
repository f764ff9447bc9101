"""Stages given out to workers until none is stale, and what a worker does with one."""
