"""The sealed log at a glance: its newest tree head, its public keys, what waits, and how far each anchor has got."""

import base64
import hashlib
from dataclasses import dataclass

from audit.checkpoints import TrustedKey
from audit.errors import KeyFileError, NotSealedError
from audit.models import Anchoring
from audit.sealing.enclosing import EnclosedHead, newest_head
from audit.sealing.proof import Lag, sealing_lag
from audit.sealing.trust import trusted_keys


@dataclass(frozen=True, slots=True)
class LogKey:
    """A public key of the log: the line that verifiers take, its fingerprint, and up to which size it is believed."""

    line: str
    fingerprint: str
    until: int | None


@dataclass(frozen=True, slots=True)
class LogOverview:
    """``head`` is ``None`` while nothing is sealed or no known key has signed; ``problem`` then says why."""

    head: EnclosedHead | None
    problem: str
    keys: tuple[LogKey, ...]
    lag: Lag
    anchors: tuple[Anchoring, ...]


def log_overview() -> LogOverview:
    """What people keep and compare. The signature of the newest checkpoint is verified. Three queries."""
    head, problem = None, ""
    keys: tuple[TrustedKey, ...] = ()
    try:
        keys = trusted_keys()
        head = newest_head()
    except (NotSealedError, KeyFileError) as error:
        problem = str(error)
    anchors = tuple(Anchoring.objects.order_by("anchor"))
    return LogOverview(head, problem, tuple(map(_key, keys)), sealing_lag(), anchors)


def _key(key: TrustedKey) -> LogKey:
    return LogKey(str(key.verifier), fingerprint(key.verifier.public_key), key.until)


def fingerprint(public_key: bytes) -> str:
    """What people compare by eye, as ``verify.py`` prints it: SHA-256 of the 32 bytes, in base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public_key).digest()).decode().rstrip("=")
