"""The library: what stages, the production machine and flows share. Importing it has no effects."""
