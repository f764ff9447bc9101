"""The stage `check`: nothing else runs before params.yaml fits the schema. Writes `data/params.ok`."""
