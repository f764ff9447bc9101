"""The sections of params.yaml about the net: how it learns, and how it is made smaller."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cxr.params.section import Fraction, Name, Positive, Section, Seed


class Augment(Section):
    """Random changes of a training image; all zero and false leaves it as it is."""

    flip: bool = False
    shift: Fraction = 0.0  # of the side
    zoom: Fraction = 0.0
    rotate: Annotated[float, Field(ge=0, le=45)] = 0.0  # degrees
    brightness: Fraction = 0.0  # of the grey range
    contrast: Fraction = 0.0


class Loss(Section):
    """Focal loss (Lin et al. 2017, arXiv:1708.02002) or cross-entropy."""

    name: Literal["focal", "crossentropy"] = "focal"
    alpha: Fraction = 0.25
    gamma: Annotated[float, Field(ge=0)] = 2.0


class Schedule(Section):
    """Learning rate over the steps of training."""

    name: Literal["constant", "cosine", "plateau"] = "cosine"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0


class Train(Section):
    """The net and how it learns."""

    net: Literal["small", "resnet50", "mobilenetv2", "densenet121"] = "small"
    width: Positive = 16  # small: channels after the stem
    weights: str | None = None  # "imagenet", a file of ImageNet weights (.h5), or none: from scratch
    initial: Name = "models/scratch.json"  # a model folder to start from (models/initial, added to DVC), or that file
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Seed = 11
    epochs: Positive = 10
    batch_size: Positive = 32
    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    schedule: Schedule = Schedule()
    loss: Loss = Loss()
    class_weights: bool = False
    patience: Positive = 5
    augment: Augment = Augment()
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 30.0

    @model_validator(mode="after")
    def parts_fit_together(self) -> "Train":
        """ValueError where the training ends within its warm-up, or a net is to have weights that there are not."""
        if self.schedule.warmup_epochs > self.epochs:
            raise ValueError(
                f"schedule.warmup_epochs ({self.schedule.warmup_epochs:g}) is above epochs ({self.epochs}): the "
                "learning rate would never be what learning_rate says"
            )
        if self.net == "small" and self.weights is not None:
            raise ValueError(f"net small has no ImageNet weights: set weights ({self.weights}) to null")
        return self


class Prune(Section):
    """Magnitude pruning (Zhu & Gupta 2017, arXiv:1710.01878) and fine-tuning."""

    schedule: Literal["polynomial", "constant"] = "polynomial"
    sparsity: Annotated[float, Field(gt=0, lt=1)] = 0.5
    epochs: Positive = 2
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4


class Compress(Section):
    """Which variants are made and how one is chosen."""

    variants: list[Literal["pruned", "float16", "int8", "pruned_int8"]] = Field(default=["pruned", "float16", "int8"])
    prune: Prune = Prune()
    representative_images: Positive = 200
    uint8_output: bool = False  # also make int8 with rounded probabilities, and report its loss
    max_auroc_drop: Fraction = 0.01  # macro, on validation, against base
    max_worst_drop: Fraction = 0.03  # any one label

    @field_validator("variants")
    @classmethod
    def are_named_once(cls, variants: list[str]) -> list[str]:
        """ValueError where a variant is named twice."""
        if len(set(variants)) != len(variants):
            raise ValueError("variants must not repeat")
        return variants
