"""What is in production over HTTP: `python -m serving.http`; no TensorFlow. docs/reference/http.md.

`bodies` reads requests within bounds, `desk` gives images to processes, `worker` is what those do, `journal` writes the
scoring log, `metrics` counts, `app` puts them together.
"""
