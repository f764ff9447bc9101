"""The salt that patients' ids are hashed with: the public one, and the fingerprint by which params.yaml names any."""

import hashlib

PUBLIC_SALT = "cxr-pipeline"  # for public data; where ids are worth protecting, set CXR_PATIENT_SALT


def fingerprint(salt: str) -> str:
    """The first 12 hex digits of a salt's SHA-256, as `ingest.salt_fingerprint` has them."""
    return hashlib.sha256(salt.encode()).hexdigest()[:12]
