"""Orchestration: knows stages by their names in dvc.yaml, git, DVC and Prefect; everything else it runs as commands.

Never imports TensorFlow, a stage or serving; of the library only core, params and runtime. Truth is dvc.lock and
hashes, never the state of a Prefect run.

- `deployments`: the Prefect flows, a module for each entry of prefect.yaml
- `dispatch`: stages given out to workers, or run in this process
- `repo`: git, dvc.lock, the DVC cache, what is stale, what is recorded
- `release`: from new labelled studies to a promotion or a refusal
- `server`: the Prefect server
- `support`: settings, secrets, locks, retries
"""
