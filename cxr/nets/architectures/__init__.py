"""One file a net. The file's name is what `train.net` calls it; its `ARCHITECTURE` is its entry in the registry."""
