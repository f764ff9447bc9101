"""What decides no bytes: how processes start, work side by side and end, where caches lie, what DVC recorded.

No stage lists this folder in dvc.yaml: a change of it makes nothing stale, so nothing in it may change an output.
"""
