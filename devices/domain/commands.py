"""Judging rendered lines before a device ever sees them: what no change may send, and what a reviewer should notice.

The list knows abbreviations, because devices do: ``rel`` reloads a router as well as ``reload``.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from devices.domain.platforms import BannerStyle, Platform


class Severity(StrEnum):
    """Whether a finding stops the plan or is shown to the reviewers."""

    FORBIDDEN = "forbidden"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class CommandFinding:
    """One line and what is wrong with it; ``number`` counts the rendered lines from 1."""

    number: int
    line: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """Words of a command, each with the fewest letters that a device would take for it."""

    words: tuple[tuple[str, int], ...]
    severity: Severity
    why: str


def _rule(spec: str, why: str, severity: Severity = Severity.FORBIDDEN) -> _Rule:
    """Read ``rel|oad er|ase``: what stands before the bar is the shortest form."""
    words = tuple((word.replace("|", ""), len(word.partition("|")[0])) for word in spec.split())
    return _Rule(words, severity, why)


_EXEC = "is not configuration: it acts at once, and no backout could undo it. Take it out."
_ASKS = "waits for an answer that nobody gives. Do it by hand, outside a change."
_RUNS = "makes the device run commands later that nobody approved. Take it out."
_ACCESS = "changes who can sign in, or how. Make sure that the way back in does not depend on it."

_RULES = (
    _rule("re|load", "restarts the device. Take it out."),
    _rule("wr|ite", "saves or erases; Countersign saves when the change has been verified. Take it out."),
    _rule("er|ase", _EXEC),
    _rule("form|at", _EXEC),
    _rule("del|ete", _EXEC),
    _rule("cop|y", _EXEC),
    _rule("squ|eeze", _EXEC),
    _rule("conf|igure", "opens configuration mode, which is open already, or replaces or confirms a configuration."),
    _rule("do", "runs an exec command from within the configuration. Take it out."),
    _rule("end", "leaves configuration mode; the lines behind it would be typed at the exec prompt. Take it out."),
    _rule("tcl|sh", _RUNS),
    _rule("event man|ager", _RUNS),
    _rule("kron", _RUNS),
    _rule("config-reg|ister", "changes what the device does at its next start, beyond its configuration."),
    _rule("boot sys|tem", "changes what the device starts next time, beyond its configuration."),
    _rule("crypto key", _ASKS),
    _rule("crypto pki en|roll", _ASKS),
    _rule("crypto pki auth|enticate", _ASKS),
    _rule("hw-mod|ule", _EXEC),
    _rule("clear", _EXEC),
    _rule("debug", _EXEC),
    _rule("telnet", _EXEC),
    _rule("guestshell", _RUNS),
    _rule("bash", _RUNS),
    _rule("user|name", _ACCESS, Severity.WARNING),
    _rule("ena|ble", _ACCESS, Severity.WARNING),
    _rule("aaa", _ACCESS, Severity.WARNING),
    _rule("tac|acs-server", _ACCESS, Severity.WARNING),
    _rule("rad|ius-server", _ACCESS, Severity.WARNING),
    _rule("access-class", _ACCESS, Severity.WARNING),
)
# Their rest is free text, in which "reload" is only a word.
_FREE_TEXT = re.compile(
    r"(?:no )?(?:\d+ )?(?:desc\w*|remark|name|banner|location|contact|hostname|title)\b", re.IGNORECASE
)
_PREFIX = re.compile(r"^(?:no|default)\s+", re.IGNORECASE)
_BANNER = re.compile(r"^banner\s+\S+\s+(?P<rest>\S.*)$", re.IGNORECASE)
_OPENER = re.compile(
    r"(?:interface|router|vlan \d|line |ip access-list|ipv6 access-list|class-map|policy-map|class |route-map|vrf|"
    r"address-family|key chain|key \d|tacacs server|radius server|aaa group|ip dhcp pool|object-group|crypto map|"
    r"archive|control-plane|ip sla|track |template|monitor session|redundancy|spanning-tree mst configuration|bfd|"
    r"segment|log)",
    re.IGNORECASE,
)


def check_commands(lines: Sequence[str], platform: Platform) -> tuple[CommandFinding, ...]:
    """Judge the lines that a template gave for one device, in their order. Banner texts are read as text.

    Forbidden lines must not be planned; warnings are for reviewers. One line can have several findings.
    """
    findings: list[CommandFinding] = []
    commands = {number for number, _line in _commands(lines, platform)}
    depth = 0
    for number, line in enumerate(lines, start=1):
        findings += (
            CommandFinding(number, line, Severity.FORBIDDEN, m) for m in _form_problems(number, line, platform)
        )
        if number not in commands:
            continue
        text = line.strip()
        findings += _judged(number, text)
        if text.lower() in {"exit", "quit"} and not line[:1].isspace():
            if depth == 0:
                message = f"Line {number}: “{text}” would leave configuration mode here. Take it out."
                findings.append(CommandFinding(number, line, Severity.FORBIDDEN, message))
            depth = max(0, depth - 1)
        elif _OPENER.match(text):
            depth = depth + 1 if line[:1].isspace() or text.lower().startswith(("address-family", "class ")) else 1
    return tuple(findings)


def _judged(number: int, text: str) -> Iterator[CommandFinding]:
    if not text or text.startswith("!") or _FREE_TEXT.match(text):
        return
    words = _PREFIX.sub("", text).lower().split()
    for rule in _RULES:
        if _matches(rule, words):
            yield CommandFinding(number, text, rule.severity, f"Line {number}: “{text}” {rule.why}")
            return


def _matches(rule: _Rule, words: Sequence[str]) -> bool:
    if len(words) < len(rule.words):
        return False
    return all(
        full.startswith(word) and len(word) >= least for word, (full, least) in zip(words, rule.words, strict=False)
    )


def _form_problems(number: int, line: str, platform: Platform) -> Iterator[str]:
    hidden = next((c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}), None)
    if hidden is not None:
        what = f"the control character U+{ord(hidden):04X}"
        yield f"Line {number} holds {what}, which a device would act on. Take it out."
    if len(line) > platform.max_line_length:
        limit = f"{platform.label} takes {platform.max_line_length}"
        yield f"Line {number} has {len(line)} characters; {limit}. Shorten it."


def _commands(lines: Sequence[str], platform: Platform) -> Iterator[tuple[int, str]]:
    """The lines that are commands, with their numbers: those inside a banner's text are not."""
    ends_with = ""
    for number, line in enumerate(lines, start=1):
        if ends_with:
            if ends_with in line:
                ends_with = ""
            continue
        yield number, line
        found = _BANNER.match(line.strip())
        if not found or platform.banner is BannerStyle.SINGLE_LINE:
            continue
        delimiter = (
            "EOF" if platform.banner is BannerStyle.EOF else found["rest"][: 2 if found["rest"].startswith("^C") else 1]
        )
        if delimiter not in found["rest"][len(delimiter) :]:
            ends_with = delimiter
