"""What decides no bytes: how processes start, work side by side and end, where caches lie, what DVC recorded."""
