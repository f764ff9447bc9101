"""Patients under keys that do not give their ids away, and the hash by which they fall into splits.

A key is the SHA-256 of the project's one salt, the set and the id: the same patient has the same key in every batch,
and nobody without the salt can tell which.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from cxr.core import environment
from cxr.core.errors import UserError
from cxr.core.patient_salt import PUBLIC_SALT
from cxr.core.patient_salt import fingerprint as fingerprint_of

_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")  # in front of a number


def salt(fingerprint: str) -> str:
    """The salt from CXR_PATIENT_SALT, else the public one.

    UserError where its fingerprint (first 12 hex digits of its SHA-256) is not `ingest.salt_fingerprint`.
    """
    value = environment.patient_salt() or PUBLIC_SALT
    found = fingerprint_of(value)
    if found != fingerprint:
        where = "in CXR_PATIENT_SALT" if value != PUBLIC_SALT else "built in (CXR_PATIENT_SALT is not set)"
        raise UserError(
            f"params.yaml: ingest.salt_fingerprint is {fingerprint}, but the salt {where} has the "
            f"fingerprint {found}: patients would get other keys and splits; set the right salt"
        )
    return value


def key(salt: str, source_set: str, patient: str) -> str:
    """16 hex digits for a patient of a set."""
    return hashlib.sha256(f"{salt}\0{source_set}\0{patient}".encode()).hexdigest()[:16]


def alike(ids: Iterable[str]) -> int:
    """How many of these ids differ from another one in case or in leading zeros of a number alone."""
    spelt = Counter(_ZEROS.sub("", each.casefold()) for each in set(ids))
    return sum(number for number in spelt.values() if number > 1)


def fraction(purpose: str, seed: int, patient_key: str) -> float:
    """A number in [0, 1) that depends on these three alone, even over patients."""
    digest = hashlib.sha256(f"{purpose}\0{seed}\0{patient_key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
