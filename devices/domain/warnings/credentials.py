"""The rule about passwords, keys and communities. No sentence and no path of it holds a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from devices.domain.severity import Severity
from devices.domain.warnings.differences import LineChange
from devices.domain.warnings.rule import Hit, Path
from devices.domain.warnings.situation import Situation

# What the line is, and how many of its words say so: a secret may follow them.
_LINES: Final = tuple(
    (re.compile(pattern), label, words)
    for pattern, label, words in (
        (r"username (?P<name>\S+)", "the user {name}", 2),
        (r"enable (?:algorithm-type|secret|password)", "the enable secret", 1),
        (r"snmp-server community", "an SNMP community", 2),
        (r"snmp-server user (?P<name>\S+)", "the SNMP user {name}", 3),
        (r"(?P<name>tacacs|radius)-server (?:host \S+ )?.*\bkey\b", "the key of the {name} servers", 1),
        (r"ntp authentication-key (?P<name>\d+)", "the NTP key {name}", 3),
        (r"crypto isakmp key", "a pre-shared key", 3),
        (r"vtp password", "the VTP password", 2),
        (r"password", "the password of the terminal lines", 1),
        (r"set system login user (?P<name>\S+) authentication", "the user {name}", 5),
        (r"set system root-authentication", "the password of root", 3),
        (r"set system (?P<name>tacplus|radius)-server \S+ secret", "the key of the {name} servers", 3),
        (r"set snmp community", "an SNMP community", 3),
        (r"set .*\b(?:authentication-key|pre-shared-key|md5 \d+ key)\b", "a key", 3),
    )
)
_IN_BLOCKS: Final = tuple(
    (re.compile(block), re.compile(pattern), label, words)
    for block, pattern, label, words in (
        (r"(?:tacacs|radius) server (?P<name>\S+)", r"key ", "the key of the server {name}", 1),
        (r"aaa group server \S+ (?P<name>\S+)", r"server-private .* key ", "the key of a server in {name}", 2),
        (r"key chain (?P<name>\S+)", r"key-string|key-octet-string", "a key of the key chain {name}", 1),
        (r"line (?P<name>.+)", r"password ", "the password of line {name}", 1),
        (r"username (?P<name>\S+)", r"(?:secret|password) ", "the user {name}", 1),
        (
            r"interface (?P<name>\S+)",
            r"ip(?:v6)? ospf (?:message-digest-key|authentication-key)",
            "the OSPF key of {name}",
            3,
        ),
        (r"interface (?P<name>\S+)", r"(?:standby|vrrp) (?:\d+ )?authentication", "the authentication of {name}", 1),
        (r"(?P<name>router .+)", r"neighbor \S+ password ", "a neighbor's password in “{name}”", 3),
        (r"(?P<name>crypto .+)", r"pre-shared-key|set-key", "a key in “{name}”", 1),
    )
)


def credential_change(situation: Situation) -> Iterator[Hit]:
    """A password, a key or a community comes, goes or changes."""
    found: dict[tuple[str, Path, str], set[str]] = {}
    for change in situation.changes:
        known = _credential(change) if change.op in "+-" else None
        if known is not None:
            label, stem = known
            found.setdefault((label, change.path, stem), set()).add(change.op)
    for (label, path, stem), ops in found.items():
        is_own = bool(situation.session.username) and label == f"the user {situation.session.username}"
        number = situation.number_of(path, stem.removeprefix("set ")) or (situation.header_of(path) if path else None)
        yield Hit(_sentence(label, ops, is_own=is_own), (*path, stem), number, _severity(ops, is_own=is_own))


def _credential(change: LineChange) -> tuple[str, str] | None:
    """What the line is, and the words of it that may be shown."""
    if not change.path:
        if change.node is not None and change.node.children:
            return None  # the secret is below
        for pattern, label, words in _LINES:
            if match := pattern.match(change.text):
                return label.format(**match.groupdict()), " ".join(change.text.split()[:words])
        return None
    for block, pattern, label, words in _IN_BLOCKS:
        if pattern.match(change.text) and (match := block.match(change.path[0])):
            return label.format(**match.groupdict()), " ".join(change.text.split()[:words])
    return None


def _sentence(label: str, ops: set[str], *, is_own: bool) -> str:
    what = label[:1].upper() + label[1:]
    verb = {frozenset("+"): "is added", frozenset("-"): "is removed"}.get(frozenset(ops), "is changed")
    if is_own:
        return f"{what} {verb}. Countersign signs in as this user: its stored credential must fit after the change."
    return f"{what} {verb}. Make sure that everybody who uses it knows."


def _severity(ops: set[str], *, is_own: bool) -> Severity:
    if is_own:
        return Severity.CRITICAL
    return Severity.MINOR if ops == {"+"} else Severity.MAJOR
