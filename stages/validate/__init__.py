"""Validation of the manifest with Great Expectations: one table, one row an image; never pixels."""
