"""The scoring log and the labels that came in later: what was scored, and what became known of it."""
