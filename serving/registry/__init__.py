"""What is in production on this machine: releases and history; `python -m serving.registry install|show|rollback`."""
