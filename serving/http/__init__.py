"""What is in production over HTTP: `cxr serve`; no TensorFlow. docs/reference/http.md.

- `bodies`: reads requests within bounds
- `process_pool`, `worker`: give images to processes; what those do
- `log_writer`: writes the scoring log
- `metrics`: counts for Prometheus
- `app`: puts them together
"""
