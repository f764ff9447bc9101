"""The card of a model: what its folder says about it. Everything in it was computed on train or validation."""

import hashlib
from dataclasses import dataclass

import numpy as np

from cxr.core.files import canonical_json
from cxr.data.manifest import STATISTICS, Manifest
from cxr.data.preprocessing_spec import Chain
from cxr.model.card import (
    ImageShape,
    ModelCard,
    NetCard,
    OperatingPoint,
    PlattScaling,
    SplitRecord,
    TemperatureScaling,
    ValidationFigures,
)
from cxr.model.litert import Answers
from cxr.model.model_folder import BASE
from cxr.model.probabilities import calibrated
from cxr.model.reference import MOST, Reference
from cxr.selection import auroc, calibration

INTENDED_USE = "Research and engineering on chest radiographs of the kind it was trained on. Not a medical device."
LIMITS = (
    "Labels may be noisy; the operating points hold for the validation split's prevalence; other scanners, "
    "ages and views than the training data's are outside what was measured."
)


@dataclass(frozen=True)
class Measured:
    """What of a card is computed from the answers on validation."""

    calibration: PlattScaling | TemperatureScaling
    operating_points: dict[str, OperatingPoint]
    validation: ValidationFigures


def net_card(manifest: Manifest, chain: Chain) -> NetCard:
    """What it takes to run the net: labels, task and input."""
    shape = ImageShape(height=chain.size, width=chain.size, channels=chain.channels)
    return NetCard(labels=list(manifest.head.labels), task=manifest.head.task, input=shape)


def base_card(
    manifest: Manifest, chain: Chain, found: Measured, *, data_hash: str, code_version: str, parent: str | None = None
) -> ModelCard:
    """The card of the trained net; `parent` is the identity of the model that its training started from."""
    head, net = manifest.head, net_card(manifest, chain)
    card = ModelCard(
        labels=net.labels,
        task=net.task,
        input=net.input,
        name=BASE,
        set=head.set,
        negative=head.negative,
        preprocessing=chain,
        split=SplitRecord(rule=head.split_rule, hash=split_hash(manifest)),
        data_hash=data_hash,
        code_version=code_version,
        parent=parent,
        sparsity=0.0,
        intended_use=INTENDED_USE,
        limits=LIMITS,
        calibration=found.calibration,
        operating_points=found.operating_points,
        validation=found.validation,
    )
    return card if head.public else card.model_copy(update={"public": False})


def measured_anew(card: ModelCard, found: Measured) -> ModelCard:
    """The card with the figures of other answers: those of the variant whose card it is."""
    return card.model_copy(update=vars(found))


def measured(manifest: Manifest, logits: np.ndarray) -> Measured:
    """Calibration, operating points and validation figures from the served logits.

    `manifest` holds the validation rows without the gate studies, `logits` float32 (rows, labels) in their order.
    """
    targets, labels = manifest.targets(), list(manifest.head.labels)
    fitted = calibration.fit(logits, targets, manifest.head.task)
    points = calibration.operating_points(calibrated(logits, fitted), targets, labels, manifest.head.task)
    score = auroc.scores(logits, manifest.head.task)
    return Measured(
        fitted,
        points,
        ValidationFigures(
            auroc=auroc.auroc(targets, score, labels),
            images=len(targets),
            patients=int(manifest.table["patient"].nunique()),
        ),
    )


def reference(manifest: Manifest, answers: Answers) -> Reference:
    """What drift is measured against: about 1,000 rows of `measured`'s, with what the served net answered.

    Whole patients, in the order of their keys, which are hashes: a draw that keeps a patient's studies together.
    """
    keys, first = np.unique(manifest.table["patient"].astype(str), return_inverse=True)
    most = np.searchsorted(np.bincount(first, minlength=len(keys)).cumsum(), MOST) + 1
    drawn = np.flatnonzero(first < most)
    table = manifest.table.iloc[drawn]
    return Reference(
        patient=first[drawn].astype(np.int32),
        view=table["view"].to_numpy(np.str_),
        width=table["width"].to_numpy(np.int32),
        height=table["height"].to_numpy(np.int32),
        bit_depth=table["bit_depth"].to_numpy(np.int16),
        names=np.array(STATISTICS),
        statistics=table[list(STATISTICS)].to_numpy(np.float32),
        features=answers.features[drawn],
        logits=answers.logits[drawn],
        targets=manifest.targets()[drawn].astype(np.uint8),
    )


def split_hash(manifest: Manifest) -> str:
    """SHA-256 over image ids and their splits: two models with the same hash saw the same split."""
    pairs = manifest.table[["image_id", "split", "gate"]].astype(str).to_numpy().tolist()
    return hashlib.sha256(canonical_json(pairs).encode()).hexdigest()
