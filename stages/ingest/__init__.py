"""The stage ingest: from a set's batches to the manifest. Every file is decoded here once; what can't be read is named."""
