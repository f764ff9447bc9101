"""The sections of params.yaml about what is in production: scoring, watching, retraining. No stage depends on them."""

import math
from typing import Annotated

from pydantic import Field, model_validator

from cxr.params.section import Fraction, Name, Positive, Section, Seed


class Gate(Section):
    """What a challenger must show against the model in production, on gate studies; see docs/explanation/gate.md."""

    old_margin: Fraction = 0.02  # macro AUROC that may be lost on studies of batches that the champion's data held
    new_gain: Fraction = 0.0  # macro AUROC that must be gained on studies of batches since
    worst_margin: Fraction = 0.05  # AUROC that any one label may lose
    min_cases: Positive = 5  # positives, and negatives, that a label needs to be judged
    ece_rise: Fraction = 0.02  # mean expected calibration error
    brier_rise: Fraction = 0.01  # mean Brier score
    latency_ratio: Annotated[float, Field(gt=0)] = 1.5  # median time of an image, challenger to champion
    latency_images: Positive = 40
    explanation_fraction: Fraction = 0.5  # of the champion's pointing game that must be kept
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95  # of each one-sided bound
    bootstrap: Annotated[int, Field(ge=100)] = 1000  # patient-wise resamples
    seed: Seed = 17

    @model_validator(mode="after")
    def resamples_reach_the_bound(self) -> "Gate":
        """ValueError where so few resamples have none beyond the bound that `confidence` asks for."""
        if self.bootstrap * (1 - self.confidence) < 1 - 1e-9:
            least = math.ceil(1 / (1 - self.confidence) - 1e-9)
            raise ValueError(
                f"bootstrap ({self.bootstrap}) is too small for confidence {self.confidence:g}: {least} or more"
            )
        return self


class Retrain(Section):
    """When a new model is trained, how, and what it must show to go into production. No stage depends on it."""

    min_new_studies: Positive = 200  # waiting in production/inbox, below which nothing is trained
    warm_start: bool = True  # from the weights in production; false: from scratch
    cooldown_seconds: Positive = 3600  # after a drift event that started a retraining, others start none for so long
    gate: Gate = Gate()


class Floors(Section):
    """The least effect that counts as drift, however significant."""

    distance: Fraction = 0.1  # Kolmogorov-Smirnov distance of a statistic or a probability
    shift: Annotated[float, Field(ge=0)] = 0.1  # of the mean embedding of features or logits, in spreads
    categories: Fraction = 0.1  # Cramer's V of view and size
    rate: Fraction = 0.05  # difference of a label's rate above its threshold
    auroc: Fraction = 0.03  # drop


class Monitor(Section):
    """When production counts as drifted: docs/explanation/drift.md."""

    window: Positive = 200  # studies, the last ones scored
    least_studies: Positive = 50  # fewer are not judged
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05  # chance of any false alarm in a window without drift
    floors: Floors = Floors()
    latency_factor: Annotated[float, Field(ge=1)] = 1.5  # of p50 and p95 at promotion
    least_cases: Positive = 10  # labelled positives, and negatives, below which no AUROC is compared
    shown: Annotated[int, Field(ge=0)] = 12  # images in the drift report

    @model_validator(mode="after")
    def a_window_can_be_judged(self) -> "Monitor":
        """ValueError where a window never holds the studies that a judgement takes."""
        if self.least_studies > self.window:
            raise ValueError(
                f"least_studies ({self.least_studies}) is above window ({self.window}): nothing would be judged"
            )
        return self


class Score(Section):
    """Scoring with what is in production, from a folder and over HTTP."""

    folder: Name = "production/incoming"  # where `cxr score` looks when no folder is named
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 32  # images that one process takes at a time, by one model
    max_file_bytes: Positive = 67_108_864
    part_seconds: Annotated[float, Field(gt=0)] = 10.0  # what a kill can cost; then a part of the log is written
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8600
    http_images: Positive = 32  # in one request
    http_waiting: Positive = 64  # images waiting or at work, beyond which requests are turned away

    @model_validator(mode="after")
    def a_request_can_wait(self) -> "Score":
        """ValueError where a request of as many images as are allowed would always be turned away."""
        if self.http_images > self.http_waiting:
            raise ValueError(f"http_images ({self.http_images}) is above http_waiting ({self.http_waiting})")
        return self
