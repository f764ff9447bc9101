"""What is in production on this machine: releases and history; `cxr production install|show|rollback`."""
