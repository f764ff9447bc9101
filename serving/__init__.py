"""The production machine: scoring, the HTTP endpoint, monitoring, feedback and the promotion gate. No Prefect."""
