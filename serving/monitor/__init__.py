"""Is what is scored still what the model was made for? Compares a window of the scoring log with the model's reference.

Input, predictions, accuracy where labels came, latency: one verdict by the rule in params.yaml (section `monitor`).
`cxr monitor` reads and writes; the rest works on arrays. docs/explanation/drift.md says why it is so.
"""
