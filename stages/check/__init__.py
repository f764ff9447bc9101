"""The stage `check`: nothing runs before params.yaml fits the schema."""
