"""The stage ingest: from a set's batches to the manifest. Files are decoded here once; what can't be read is named."""
