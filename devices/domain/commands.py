"""Judging rendered lines before a device ever sees them: what no change may send.

What a reviewer should notice is found by the rules of `devices.domain.warnings`, which know what a line changes.

The list knows abbreviations, because devices do: ``rel`` reloads a router as well as ``reload``.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devices.domain.config_text import Line, read_lines
from devices.domain.platforms import Platform
from devices.domain.prediction import stray_exits


@dataclass(frozen=True, slots=True)
class CommandFinding:
    """One line that must not be sent, and why; ``number`` counts the rendered lines from 1."""

    number: int
    line: str
    message: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """Words of a command, each with the fewest letters that a device would take for it."""

    words: tuple[tuple[str, int], ...]
    why: str


def _rule(spec: str, why: str) -> _Rule:
    """Read ``rel|oad er|ase``: what stands before the bar is the shortest form."""
    words = tuple((word.replace("|", ""), len(word.partition("|")[0])) for word in spec.split())
    return _Rule(words, why)


_EXEC = "is not configuration: it acts at once, and no backout could undo it. Take it out."
_ASKS = "waits for an answer that nobody gives. Do it by hand, outside a change."
_RUNS = "makes the device run commands later that nobody approved. Take it out."

_ALIAS = "gives a command that Countersign sends another meaning. Take it out."
_SENT = (
    "show", "terminal", "enable", "configure", "end", "write", "copy", "delete", "more", "dir", "archive", "commit",
)  # fmt: skip
"""The first words of what is sent to a device beside the approved lines."""

_RULES = (
    *(_rule(f"{alias} {word}", _ALIAS) for alias in ("al|ias ex|ec", "al|ias", "cl|i al|ias n|ame") for word in _SENT),
    _rule("al|ias c|onfigure", "gives lines another meaning than the one that was approved. Take it out."),
    _rule("macr|o", _RUNS),
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
    _rule("tc|lsh", _RUNS),
    _rule("ev|ent m|anager", _RUNS),
    _rule("event-h|andler", _RUNS),
    _rule("kr|on", _RUNS),
    _rule("sched|uler", _RUNS),
    _rule("schedule", _RUNS),
    _rule("config-|register", "changes what the device does at its next start, beyond its configuration."),
    _rule("bo|ot", "changes what the device starts next time, beyond its configuration."),
    _rule("cr|ypto k|ey", _ASKS),
    _rule("cr|ypto pk|i e|nroll", _ASKS),
    _rule("cr|ypto pk|i a|uthenticate", _ASKS),
    _rule("cr|ypto pk|i i|mport", _ASKS),
    _rule("key config-key", _ASKS),
    _rule("hw|-module", _EXEC),
    _rule("ins|tall", _EXEC),
    _rule("rol|lback", _EXEC),
    _rule("checkp|oint", _EXEC),
    _rule("cle|ar", _EXEC),
    _rule("deb|ug", _EXEC),
    _rule("und|ebug", _EXEC),
    _rule("tel|net", _EXEC),
    _rule("guests|hell", _RUNS),
    _rule("ba|sh", _RUNS),
    _rule("py|thon", _RUNS),
)
_REMOVALS = (
    _rule("cr|ypto pk|i t|rustpoint", _ASKS),
    _rule("cr|ypto pk|i c|ertificate", _ASKS),
)
_CANDIDATE = "belongs to Countersign, which commits, compares and discards the candidate itself. Take it out."
_XR_RULES = (
    _rule("com|mit", _CANDIDATE),
    _rule("ab|ort", _CANDIDATE),
    _rule("loa|d", _CANDIDATE),
    _rule("admin", _EXEC),
)
_JUNOS_RULES = (
    _rule("set event-options", _RUNS),
    _rule("set system scripts", _RUNS),
)
_OWN_RULES = {"cisco_xr": (*_XR_RULES, *_RULES), "juniper_junos": _JUNOS_RULES}
# Their rest is free text, in which "reload" is only a word.
_FREE_TEXT = re.compile(
    r"(?:no )?(?:\d+ )?(?:desc\w*|remark|name|banner|location|contact|hostname|title)\b", re.IGNORECASE
)
_PREFIX = re.compile(r"^(?:no|default)\s+", re.IGNORECASE)


def check_commands(lines: Sequence[str], platform: Platform) -> tuple[CommandFinding, ...]:
    """Judge the lines that a template gave for one device, in their order. Banner texts are read as text.

    A device for which there is a finding must not be planned. One line can have several findings.
    """
    findings: list[CommandFinding] = []
    commands = {line.number: line for line in read_lines(lines, platform)}
    exits = set(stray_exits(lines, platform))
    for number, line in enumerate(lines, start=1):
        findings += (CommandFinding(number, line, m) for m in _form_problems(number, line, platform))
        if number in commands and not _has_known_verb(commands[number].text, platform):
            allowed = ", ".join(platform.first_words)
            message = f"Line {number}: {platform.label} takes complete lines here; each begins with one of: {allowed}."
            findings.append(CommandFinding(number, line, message))
        elif number in exits:
            message = f"Line {number}: “{line.strip()}” would leave configuration mode here. Take it out."
            findings.append(CommandFinding(number, line, message))
        elif number in commands:
            findings += _judged(commands[number], line, platform)
    return tuple(findings)


def _has_known_verb(text: str, platform: Platform) -> bool:
    words = text.split()
    if not platform.first_words:
        return True
    # "delete" alone deletes the whole configuration
    return words[0] in platform.first_words and len(words) > 1


def _judged(command: Line, line: str, platform: Platform) -> Iterator[CommandFinding]:
    if not command.closed:
        message = f"Line {command.number} opens a text that never ends: the lines behind it would be part of it."
        yield CommandFinding(command.number, line, f"{message} Close it with its delimiter.")
    text = command.text
    if command.body is not None or _FREE_TEXT.match(text):
        return
    words = _PREFIX.sub("", text).lower().split()
    rules = _OWN_RULES.get(platform.slug, _RULES)
    if text.lower().startswith("no "):
        rules = (*_REMOVALS, *rules)
    for rule in rules:
        if _matches(rule, words):
            # Not more than two words: what follows may be a secret.
            shown = " ".join(text.split()[: 2 + len(text.split()) - len(words)])
            yield CommandFinding(command.number, line, f"Line {command.number}: “{shown}” {rule.why}")
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
