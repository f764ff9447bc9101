"""The Prefect flows, a module for each entry of prefect.yaml."""
