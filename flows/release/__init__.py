"""From new labelled studies to a model in production, or to a written refusal."""
