"""What passes between stages: the manifest, the shards, and the record of the preprocessing."""
