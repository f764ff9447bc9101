"""The production machine: scoring, the HTTP endpoint, monitoring, feedback, the promotion gate, releases.

Commands are words of `cxr` (docs/reference/commands.md). They write below `production/` (CXR_PRODUCTION), which no
stage depends on. No Prefect, and no TensorFlow but where the gate plays the pointing game.

- `registry`, `log`: what is in production; what was scored
- `score`, `monitor`, `feedback`, `gate`, `predict`: know these two and not one another
- `http`: knows them all
"""
