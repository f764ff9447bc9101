"""Challenger against champion: may a new model go into production? Run as `cxr gate`.

Why it asks what it asks: docs/explanation/gate.md. It decides nothing about data or training, and installs nothing.
"""
