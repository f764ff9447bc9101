"""The former names of the check of params.yaml and of the command that writes a preset over it."""
