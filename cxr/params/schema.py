"""What params.yaml may hold: a section for each stage, each key with its type, bounds and meaning."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cxr.core.patient_salt import PUBLIC_SALT, fingerprint
from cxr.params.learning import Compress, Train
from cxr.params.production import Monitor, Retrain, Score
from cxr.params.section import Fraction, Positive, Section, Seed, Threads

OWN_SALT = (
    "set CXR_PATIENT_SALT to a long random word that is kept secret (`python -c 'import secrets; "
    "print(secrets.token_hex(32))'` makes one), and salt_fingerprint to its fingerprint (`printf %s "
    '"$CXR_PATIENT_SALT" | sha256sum | head -c 12`)'
)
Severity = Literal["critical", "warning", "info"]
Expectation = Literal[
    "columns",
    "column_types",
    "no_missing_values",
    "image_id_format",
    "sha256_format",
    "image_id_unique",
    "file_unique",
    "counts_add_up",
    "no_duplicate_pixels",
    "no_conflicting_labels",
    "same_pixels_same_patient",
    "split_known",
    "splits_not_empty",
    "patient_in_one_split",
    "patient_sizes_plausible",
    "gate_in_validation",
    "patient_ids_not_rounded",
    "sex_known",
    "view_known",
    "age_in_range",
    "width_in_range",
    "height_in_range",
    "bit_depth_in_range",
    "grey_depths_agree",
    "orientation_upright",
    "images_not_blank",
    "label_values",
    "one_label_per_image",
    "labels_in_every_split",
    "prevalence_in_bounds",
    "boxes_inside_image",
    "boxes_on_known_labels",
]  # what each says: stages/validate/checks.py


class Machine(Section):
    """What decides bytes on a machine: cap of the instruction sets, TensorFlow's intra-op threads."""

    instruction_set: Literal["avx2", "native"] = "avx2"
    intra_op_threads: Threads = 2


class Phantom(Section):
    """The default data, which the stage phantom renders: how many studies, how large, how noisily labelled."""

    studies: Positive = 2000
    image_size: Annotated[int, Field(ge=64, le=2048)] = 256
    seed: Seed = 7
    label_noise: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.02
    prevalence: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.12
    scanner_b_fraction: Fraction = 0.25
    batch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "batch-001"


class Ratio(Section):
    """Parts of the patients, in the order train, validation, test; they sum to 1."""

    train: Fraction = 0.7
    validation: Fraction = 0.2
    test: Fraction = 0.1

    @model_validator(mode="after")
    def sums_to_one(self) -> "Ratio":
        """ValueError where the three do not sum to 1."""
        if abs(self.train + self.validation + self.test - 1.0) > 1e-9:
            raise ValueError("train + validation + test must be 1")
        return self


class Split(Section):
    """`hash`: every patient by a hash. `official`: the set's own lists or folders, validation cut from train."""

    rule: Literal["hash", "official"] = "hash"
    ratio: Ratio = Ratio()
    seed: Seed = 0
    gate_fraction: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2  # of the validation patients: kept for promotion

    @model_validator(mode="after")
    def has_images_to_learn_choose_and_report_by(self) -> "Split":
        """ValueError where a split that is needed can hold nobody; of an official split, lists say what it holds."""
        empty = [name for name in ("train", "validation", "test") if not getattr(self.ratio, name)]
        if self.rule == "hash" and empty:
            raise ValueError(f"with rule {self.rule}, ratio.{empty[0]} must be above 0: that split would hold nobody")
        return self


WITHOUT_PATIENT_COLUMN = ("folder",)  # layouts whose patients stand in no table
_WAYS = (
    "set exactly one of patient_pattern (a regular expression whose group `patient` is the patient in each file's "
    "name) and one_patient_per (file_name: files of one name are one patient; image: every image is a patient of its "
    "own, so that a split leaks where one patient has several images)"
)


class Ingest(Section):
    """Which set comes in, and how its tables are read."""

    set: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    public: bool = True  # false: no output names a file or holds a value of its tables that may be an id
    layout: Literal["nih", "folder"]
    task: Literal["multilabel", "multiclass", "binary"]
    labels: Annotated[list[str], Field(min_length=1)]
    negative: str | None = None  # binary: the class that means "not labels[0]"
    channels: Literal[1, 3] = 1
    below_class: str | None = None  # folder: which folders below a class hold its images; a name, or "*" for all
    patient_pattern: str | None = None  # folder: regular expression with a group `patient`; see layouts/folder.py
    one_patient_per: Literal["file_name", "image"] | None = None  # folder: who is a patient where no pattern says it
    max_pattern_misses: Fraction = 0.0  # of the image names; above it the stage fails
    repeated_rows: Literal["union", "refuse"] = "union"  # of a table about one image
    split: Split = Split()
    max_quarantined_fraction: Fraction = 0.01
    max_pixels: Positive = 100_000_000
    salt_fingerprint: str  # first 12 hex digits of the SHA-256 of CXR_PATIENT_SALT

    @model_validator(mode="after")
    def labels_fit_task(self) -> "Ingest":
        """ValueError where labels repeat, or a binary task does not name one label and its negative."""
        if len(set(self.labels)) != len(self.labels) or not all(map(_is_word, self.labels)):
            raise ValueError("labels must not repeat, and none may be empty or hold a line break")
        if self.task == "binary" and (len(self.labels) != 1 or self.negative is None):
            raise ValueError("a binary task has exactly one label (the positive class) and `negative`")
        if self.task == "multiclass" and (len(self.labels) < 2 or self.negative is not None):
            raise ValueError(
                "a multiclass task has two labels or more, and `negative` is null: an image has one of them"
            )
        if self.negative in self.labels:
            raise ValueError(
                f"negative ({self.negative}) must not be among labels: it means that none of them is there"
            )
        return self

    @field_validator("set")
    @classmethod
    def is_no_number(cls, name: str) -> str:
        """ValueError for a name such as 1e3, a word in YAML 1.1 and a number in 1.2, by which DVC looks for the set."""
        if re.fullmatch(r"\d[\d_]*e-?[\d_]+|0o[0-7_]+", name):
            raise ValueError("DVC reads this name as a number; let it have a letter more")
        return name

    @field_validator("patient_pattern")
    @classmethod
    def finds_a_patient(cls, pattern: str | None) -> str | None:
        """ValueError where the pattern is no regular expression, or has no group `patient`."""
        try:
            if pattern is not None and "patient" not in re.compile(pattern).groupindex:
                raise ValueError("has no group (?P<patient>...)")
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def patients_are_known_in_one_way(self) -> "Ingest":
        """ValueError where nothing says who is a patient, or two things do."""
        given = [name for name in ("patient_pattern", "one_patient_per") if getattr(self, name) is not None]
        if self.layout not in WITHOUT_PATIENT_COLUMN and given:
            raise ValueError(f"layout {self.layout} reads the patients from its table: set {given[0]} to null")
        if self.layout in WITHOUT_PATIENT_COLUMN and len(given) != 1:
            raise ValueError(
                f"layout {self.layout} has no column of patients: {_WAYS}; {len(given)} of the two are set"
            )
        return self

    @model_validator(mode="after")
    def private_sets_have_a_salt_of_their_own(self) -> "Ingest":
        """ValueError where a private set is to be hashed with the salt that everybody knows."""
        if not self.public and self.salt_fingerprint == fingerprint(PUBLIC_SALT):
            raise ValueError(
                "public is false, but salt_fingerprint is that of the public salt, with which ids are found out in "
                f"seconds: {OWN_SALT}"
            )
        return self


def _is_word(name: str) -> bool:
    """Whether a label can stand in tables and pages."""
    return bool(name.strip()) and name.isprintable()


class Validate(Section):
    """Bounds and severities of the expectations on the manifest."""

    severity: dict[Expectation, Severity] = Field(
        default_factory=dict
    )  # of those whose severity is not to be their own
    prevalence: tuple[Fraction, Fraction] = (0.0001, 0.95)
    min_side: Positive = 32
    max_side: Positive = 20_000
    max_age: Positive = 120
    min_patients_for_label_check: Positive = 200
    blank_std: Annotated[float, Field(ge=0.0, lt=127.5)] = 2.0  # grey levels of 255, below which an image is near-blank

    @model_validator(mode="after")
    def bounds_are_ordered(self) -> "Validate":
        """ValueError where a least value is above the most, so that no manifest could meet the expectation."""
        if self.prevalence[0] > self.prevalence[1]:
            raise ValueError(
                f"prevalence: the least ({self.prevalence[0]:g}) is above the most ({self.prevalence[1]:g})"
            )
        if self.min_side > self.max_side:
            raise ValueError(f"min_side ({self.min_side}) is above max_side ({self.max_side})")
        return self


class Clahe(Section):
    """Contrast-limited adaptive histogram equalisation; `clip_limit: 0` leaves it out."""

    clip_limit: Annotated[float, Field(ge=0.0)] = 2.0
    tiles: Positive = 8


class Preprocess(Section):
    """From a decoded image to the net's input."""

    size: Annotated[int, Field(ge=8, le=2048)] = 256
    clahe: Clahe = Clahe()
    buckets: Annotated[int, Field(ge=1, le=256)] = 32
    cache_gigabytes: Annotated[float, Field(gt=0)] = 20.0

    @model_validator(mode="after")
    def tiles_have_pixels(self) -> "Preprocess":
        """ValueError where CLAHE is to have more tiles a side than the image has pixels."""
        if self.clahe.clip_limit and self.clahe.tiles > self.size:
            raise ValueError(
                f"clahe.tiles ({self.clahe.tiles}) is above size ({self.size}): a tile has a pixel at least"
            )
        return self


class Evaluate(Section):
    """How the test split is measured: resamples of the bootstrap, images and threads of the timing."""

    bootstrap: Annotated[int, Field(ge=0)] = 200  # patient-wise resamples for the intervals; 0: none
    seed: Seed = 5
    latency_images: Positive = 50
    latency_threads: Threads = 1


class Explain(Section):
    """SHAP on the float net of the chosen variant."""

    images_per_label: Annotated[int, Field(ge=0)] = 2  # of true and of false positives each
    boxed_images: Annotated[int, Field(ge=0)] = 40  # for the pointing game, spread over the labels
    background: Positive = 10
    seed: Seed = 3


class Report(Section):
    """Words and pictures of reports/index.html."""

    title: str = "cxr-pipeline"
    overlays: Annotated[int, Field(ge=0)] = 24


class Params(Section):
    """params.yaml as a whole: a section for each stage and each command; an unknown key is an error."""

    machine: Machine = Machine()
    phantom: Phantom = Phantom()
    ingest: Ingest
    validate_: Validate = Field(default=Validate(), alias="validate")
    preprocess: Preprocess = Preprocess()
    train: Train = Train()
    compress: Compress = Compress()
    evaluate: Evaluate = Evaluate()
    explain: Explain = Explain()
    report: Report = Report()
    score: Score = Score()
    monitor: Monitor = Monitor()
    retrain: Retrain = Retrain()
