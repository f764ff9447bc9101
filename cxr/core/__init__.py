"""What decides bytes: canonical files, typed documents, the environment that a process computes in, code versions.

Every stage depends on this folder, so a change of it makes the whole pipeline stale: what decides no byte belongs into
`cxr.runtime`. Imports nothing of the project.
"""
