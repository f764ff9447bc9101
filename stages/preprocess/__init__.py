"""Stage `preprocess`: from the batches' files to uint8 shards, decoding only what no cache or earlier output holds."""
