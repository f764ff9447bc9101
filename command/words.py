"""The words of `cxr`: where each one's application is, and the line that stands beside it in `cxr --help`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """One word: the module that holds its Typer application as `app`, and what it is for."""

    module: str
    about: str
    chapter: str
    needs_project: bool = True


_PIPELINE, _DATA, _MODELS = "Pipeline", "Parameters and data", "Models"
_PRODUCTION, _SERVER = "Production", "Prefect server"

WORDS = {
    "repro": Word("flows.repro", "Run the pipeline (dvc repro): what changed, then the headline figures.", _PIPELINE),
    "report": Word("command.report", "Say where the report is.", _PIPELINE),
    "verify": Word("flows.verify", "Make everything again in a second clone and compare every hash.", _PIPELINE),
    "clean": Word("command.clean", "Remove caches that can be made again.", _PIPELINE),
    "doctor": Word("command.doctor", "Describe machine, versions and set-up, for an issue report.", _PIPELINE, False),
    "preset": Word("command.preset", "List, use, write and upgrade presets of params.yaml.", _DATA),
    "batch": Word("cxr.raw.command", "Look into a folder, add it as a batch, list or remove batches.", _DATA),
    "predict": Word("serving.predict.command", "Score image files with a model folder.", _MODELS, False),
    "score": Word("serving.score.command", "Score new studies into the scoring log.", _PRODUCTION),
    "serve": Word("serving.http.command", "Serve what is in production over HTTP.", _PRODUCTION),
    "monitor": Word("serving.monitor.command", "Judge the latest studies for drift.", _PRODUCTION),
    "feedback": Word("serving.feedback.command", "Take in labels, or make a batch for retraining.", _PRODUCTION),
    "gate": Word("serving.gate.command", "Judge a new model against the one in production.", _PRODUCTION),
    "production": Word("serving.registry.command", "Show, install or roll back this machine's release.", _PRODUCTION),
    "promote": Word("flows.promote", "Put a recorded version into production, through the gate.", _PRODUCTION),
    "rollback": Word("flows.rollback", "Go back to the release before.", _PRODUCTION),
    "retrain": Word("flows.retrain", "Train on waiting batches, judge, promote or keep.", _PRODUCTION),
    "run": Word("flows.submit", "Hand the pipeline to the workers that `cxr up` started.", _SERVER),
    "up": Word("flows.up", "Start a Prefect server on loopback, workers and deployments.", _SERVER),
    "down": Word("flows.down", "Stop what `cxr up` started.", _SERVER),
}
