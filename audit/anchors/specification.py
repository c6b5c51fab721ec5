"""The setting ``AUDIT_ANCHOR`` as values. Pure."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

EVERY_S = {"file": 60, "git": 3600, "syslog": 60, "mailto": 86_400, "https": 300, "http": 300}
"""Seconds between two checkpoints that an anchor of this kind is given, unless it is said otherwise."""

LONGEST_S = 31 * 86_400
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class AnchorSpecificationError(ValueError):
    """The setting cannot be used; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class AnchorSpecification:
    """One anchor: its kind, where it is, and how often it is given a checkpoint, in seconds.

    ``name`` is how people and the database call it: as the setting wrote it, but for a query, which may hold a token.
    """

    kind: str
    target: str
    every_s: int
    name: str


def read_specifications(text: str, *, default: Path) -> tuple[AnchorSpecification, ...]:
    """Read anchors with white space between them; ``every=N`` belongs to the one before it.

    ``file:/path``, ``git:/path``, ``syslog:`` or ``syslog://host:514``, ``mailto:who@example.net``, ``https://…``.
    Empty text means the file ``default``; ``none`` means none.

    Raises:
        AnchorSpecificationError: the first that cannot be used.
    """
    if text.strip() == "none":
        return ()
    found: list[AnchorSpecification] = []
    for word in text.split() or [f"file:{default}"]:
        if word.startswith("every="):
            if not found:
                raise AnchorSpecificationError(f"{word} stands before the anchor that it is for: put it behind.")
            found[-1] = _at_pace(found[-1], word.removeprefix("every="))
        else:
            found.append(_one(word))
    names = [anchor.name for anchor in found]
    if len(set(names)) != len(names):
        raise AnchorSpecificationError("An anchor is named twice: name each once.")
    return tuple(found)


def _at_pace(anchor: AnchorSpecification, value: str) -> AnchorSpecification:
    if not value.isdecimal() or not 1 <= int(value) <= LONGEST_S:
        raise AnchorSpecificationError(f"every={value} needs a whole number of seconds from 1 to {LONGEST_S}.")
    return AnchorSpecification(anchor.kind, anchor.target, int(value), anchor.name)


def _one(word: str) -> AnchorSpecification:
    kind, _, target = word.partition(":")
    problem = _problem(kind, target, word)
    if problem:
        # The word may hold a password; its kind does not.
        raise AnchorSpecificationError(f"An anchor that begins with {kind[:20]!r} cannot be used: {problem}")
    name = f"{word.partition('?')[0]}?…" if kind in {"https", "http"} and "?" in word else word
    return AnchorSpecification(kind, word if kind in {"https", "http", "syslog"} else target, EVERY_S[kind], name)


def _problem(kind: str, target: str, word: str) -> str:
    if kind not in EVERY_S:
        return f"use one of {', '.join(f'{name}:' for name in EVERY_S)}."
    if kind in {"file", "git"} and not Path(target).is_absolute():
        return "give a whole path, such as file:/srv/anchor/checkpoints."
    if kind == "mailto" and not _ADDRESS.fullmatch(target):
        return "give one address, such as mailto:auditor@example.net."
    if kind in {"https", "http", "syslog"}:
        return _url_problem(kind, target, word)
    return ""


def _url_problem(kind: str, target: str, word: str) -> str:
    try:
        parts = urlsplit(word)
        host, port_is_good = parts.hostname or "", parts.port is None or parts.port > 0
    except ValueError:
        host, port_is_good = "", False
    if "@" in (parts.netloc if port_is_good else "@"):
        return "it must name no user and no password, and a good port."
    if kind == "syslog":
        return "" if not target or host else "use syslog: for this machine, or syslog://host:514."
    if not host:
        return "give a whole address, such as https://witness.example.net/countersign."
    return "" if kind == "https" or host in _LOOPBACK else "plain http: is for this machine alone; use https:."
