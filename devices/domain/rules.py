"""Which rules this version of the software reads, predicts and compares configurations by."""

import hashlib
from functools import cache
from pathlib import Path


@cache
def rules_fingerprint() -> str:
    """SHA-256, in hex, of the source of all modules of this package: equal fingerprints, equal results.

    What one version computed from the same input does not have to be computed again by the same version.
    """
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{module.name}\0".encode() + module.read_bytes() + b"\0")
    return digest.hexdigest()
