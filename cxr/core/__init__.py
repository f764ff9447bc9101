"""What decides bytes: canonical files and hashes, the environment that a process computes in, names of code versions.

Every stage depends on this folder, so a change of it makes the whole pipeline stale: what decides no byte belongs into
`cxr.runtime`. Imports nothing of the project.
"""
