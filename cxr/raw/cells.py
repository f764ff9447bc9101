"""What single cells of tables mean, for every layout and for scoring: patient ids, sexes, ages, view positions.

What is understood stands here and in docs/how-to/own-data.md; what is not is counted by column and value (`Counts`), is
unknown in the manifest, and fails an expectation of validation. Nothing is guessed.
"""

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from cxr.data.manifest import VIEWS

NO_VALUE = frozenset(
    ("", "-", "--", "?", "nan", "none", "null", "na", "n/a", "#n/a", "<na>", "nat", "unknown")
)  # what programs and people write into a cell without value
_NO_SEX = NO_VALUE | {"u", "unk"}
_SEXES = {
    **dict.fromkeys(("m", "male", "man", "männlich"), "M"),
    **dict.fromkeys(("f", "female", "w", "woman", "weiblich"), "F"),
}
_AGE = re.compile(r"(\d+(?:\.\d+|,\d{1,2})?)\s*([A-Z]*)\.?", re.IGNORECASE)
_UNITS = {
    **dict.fromkeys(("", "y", "yr", "yrs", "year", "years"), 1.0),
    **dict.fromkeys(("m", "mo", "month", "months"), 1 / 12),
    **dict.fromkeys(("w", "week", "weeks"), 7 / 365.25),
    **dict.fromkeys(("d", "day", "days"), 1 / 365.25),
}
_VIEW_WORDS = {"LAT": "LATERAL", "POSTEROANTERIOR": "PA", "POSTERO ANTERIOR": "PA"} | {
    "ANTEROPOSTERIOR": "AP",
    "ANTERO POSTERIOR": "AP",
}
_POSTURES = frozenset(("SUPINE", "ERECT", "UPRIGHT", "STANDING", "SITTING", "SEMI", "SEMIERECT", "HORIZONTAL")) | {
    "PORTABLE",
    "BEDSIDE",
    "CHEST",
}  # words beside a view that say nothing of the projection
_WHOLE_NUMBER = re.compile(r"(\d+)(?:\.0{1,2})?")
_ROUNDED = re.compile(r"[+-]?\d+(?:[.,]\d+)?E[+-]?\d+|\d+[.,]\d+", re.IGNORECASE)
_LONGEST_VALUE = 40  # characters of a value that is counted
Value = TypeVar("Value")


@dataclass
class Counts:
    """Cells that were not understood, (meaning, column, value) to how many, and ids that look rounded, column to how
    many. A meaning is the manifest's column: "sex", "view" or "age"."""

    not_understood: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rounded_ids: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Counts") -> "Counts":
        """The counts of both."""
        return Counts(self.not_understood + other.not_understood, self.rounded_ids + other.rounded_ids)

    def by_column(self) -> dict[str, int]:
        """Column to how many of its cells were not understood, by name."""
        numbers: Counter[str] = Counter()
        for (_, column, _), number in sorted(self.not_understood.items()):
            numbers[column] += number
        return dict(numbers)

    def patient(self, column: str, text: str) -> str:
        """An id as `patient_id` reads it; counted where a spreadsheet seems to have rounded it."""
        read = patient_id(text)
        if looks_rounded(read):
            self.rounded_ids[column] += 1
        return read

    def sex(self, column: str, text: str) -> str:
        """ "M", "F", or "" where it is unknown; counted where it is not understood."""
        return self._known("sex", column, text, sex(text)) or ""

    def view(self, column: str, text: str) -> str:
        """A word of VIEWS, or "" where it is unknown; counted where it is not understood."""
        return self._known("view", column, text, view(text)) or ""

    def age(self, column: str, text: str) -> float:
        """Years, NaN where they are unknown; counted where they are not understood."""
        found = self._known("age", column, text, age_in_years(text))
        return math.nan if found is None else found

    def _known(self, meaning: str, column: str, text: str, value: Value | None) -> Value | None:
        """The value; its absence is counted."""
        if value is None:
            self.not_understood[meaning, column, text[:_LONGEST_VALUE]] += 1
        return value


def is_missing(text: str) -> bool:
    """Whether a cell holds what programs and people write where there is no value."""
    return text.strip().lower() in NO_VALUE


def patient_id(text: str) -> str:
    """An id in one reading: `7`, `7.0`, `007`, ` 7 ` and digits of other scripts are one patient.

    Wide letters become plain ones, any spaces a single one; of what is no whole number nothing else is changed.
    """
    plain = " ".join(_visible(text).split())
    if not plain.isascii():
        plain = "".join(_plain_sign(sign) for sign in unicodedata.normalize("NFC", plain))
    found = _WHOLE_NUMBER.fullmatch(plain)
    return found[1].lstrip("0") or "0" if found else plain


def _plain_sign(sign: str) -> str:
    """A digit of any script as 0 to 9 and a wide letter as a plain one; a raised 2 (of a footnote) is no digit."""
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    return unicodedata.normalize("NFKC", sign) if unicodedata.east_asian_width(sign) == "F" else sign


def looks_rounded(patient: str) -> bool:
    """Whether an id looks as a spreadsheet writes a number that was too long for it (`8.4E+36`) or had a point."""
    return _ROUNDED.fullmatch(patient) is not None


@lru_cache(4096)
def sex(text: str) -> str | None:
    """ "M", "F", "" for unknown, None for a word that is not understood (codes such as 0 and 1, DICOM's O)."""
    word = text.strip().lower()
    return "" if word in _NO_SEX else _SEXES.get(word)


@lru_cache(4096)
def age_in_years(text: str) -> float | None:
    """Years from `58`, `58.5`, `58,5`, `058Y`, `58 years`, `011M`, `3 weeks`, `003D`; NaN for a missing one, None for
    what is not understood: signs, exponents, ranges, more digits than a number holds.

    Years beyond a life (NIH's 2017 table has 16, 148 to 414) stay as written: `validate.max_age` judges them.
    """
    if is_missing(text):
        return math.nan
    found = _AGE.fullmatch(text.strip()) if text.isascii() else None
    unit = _UNITS.get(found[2].lower()) if found else None
    years = float(found[1].replace(",", ".")) * unit if found and unit else math.inf
    return years if math.isfinite(years) else None


@lru_cache(4096)
def view(text: str) -> str | None:
    """A view position as a word of VIEWS, "" for unknown, None for what is not understood.

    The patient's posture is left out: `AP Supine` and `AP_horizontal` are AP. Two views in one cell are not understood.
    """
    words = re.sub(r"[\s_\-]+", " ", text.strip().upper())
    if words.lower() in NO_VALUE or is_missing(text):
        return ""
    kept = " ".join(word for word in words.split(" ") if word not in _POSTURES)
    kept = _VIEW_WORDS.get(kept, kept)
    return kept if kept and kept in VIEWS else None


def _visible(text: str) -> str:
    """Text without characters that show nothing and join nothing: marks of direction and of byte order."""
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf") if not text.isascii() else text
