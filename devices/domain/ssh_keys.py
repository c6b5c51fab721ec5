"""SSH public keys as texts: whether one may be pinned, and which a known_hosts file holds."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

MAX_KNOWN_HOSTS: Final = 2_000_000
_KEY_TYPE = re.compile(r"[a-z0-9][a-z0-9@.-]{0,59}")
_BRACKETED = re.compile(r"\[([^\]]+)\]:(\d{1,5})")
_SSH_PORT: Final = 22


def key_problem(key_type: str, public_key: str) -> str:
    """A sentence about what is wrong with a public key, or nothing.

    ``public_key`` is base64 as in a known_hosts file; its first field must be ``key_type`` again (RFC 4253,
    section 6.6).
    """
    if not _KEY_TYPE.fullmatch(key_type):
        return "A host key must begin with its type, such as ssh-ed25519."
    try:
        blob = base64.b64decode(public_key, validate=True)
    except ValueError:
        return "A host key must be given as base64, as in a known_hosts file."
    length = int.from_bytes(blob[:4], "big")
    if len(blob) <= 4 + length or blob[4 : 4 + length] != key_type.encode():
        return f"The host key is not of the type {key_type}, or it is not complete."
    return ""


@dataclass(frozen=True, slots=True)
class KnownHost:
    """One key of one host in a known_hosts file. ``line`` counts from 1."""

    line: int
    host: str
    port: int
    key_type: str
    public_key: str


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """What a known_hosts text holds; ``problems`` are sentences with their line."""

    entries: tuple[KnownHost, ...]
    problems: tuple[str, ...]


def parse_known_hosts(text: str) -> KnownHosts:
    """Read a known_hosts text (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT); comments and empty lines are skipped.

    Hashed names, patterns and marked lines are refused: who they are for cannot be shown to a person.
    """
    entries: list[KnownHost] = []
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        problem = _line_problem(words)
        if problem:
            problems.append(f"Line {number}: {problem}")
            continue
        for name in words[0].split(","):
            host, port = _host_and_port(name)
            entries.append(KnownHost(number, host, port, words[1], words[2]))
    return KnownHosts(tuple(entries), tuple(problems))


def _line_problem(words: list[str]) -> str:
    if words[0].startswith("@"):
        return f"lines marked {words[0][:20]} are not taken. Give plain host keys."
    if words[0].startswith("|"):
        return "the host name is hashed, so nobody can see whose key it is. Run ssh-keyscan without -H."
    if len(words) < 3:
        return "a line has a host, a key type and a key."
    if any(mark in words[0] for mark in "*?!"):
        return "a pattern is not taken. Name each host."
    return key_problem(words[1], words[2])


def _host_and_port(name: str) -> tuple[str, int]:
    found = _BRACKETED.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, _SSH_PORT)
