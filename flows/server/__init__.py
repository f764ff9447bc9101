"""The Prefect server: asked, started, stopped, and told what to deploy."""
