"""What a plan warns of, as its page shows it: at the line of a diff, over a diff, and by severity over the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from changes.models import PlanRevision
from devices.domain.diffing import Row
from devices.domain.severity import Severity
from portal.presenters.diffs import Block
from portal.presenters.selection import Selection
from portal.presenters.visible import Mask
from portal.presenters.warning_words import RULE_BY_CODE
from portal.presenters.words import counted

_TONES: Final[Mapping[str, str]] = {
    Severity.CRITICAL.value: "bad",
    Severity.MAJOR.value: "warn",
    Severity.MINOR.value: "idle",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a reviewer should look at; ``line`` is what it is about. A note of planning has no severity."""

    text: str
    line: str = ""
    tone: str = "warn"
    code: str = ""
    severity: str = ""
    title: str = ""
    advice: str = ""
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """The notices of one diff: ``at`` by side and number of their line, drawn for the table, and the ``rest``."""

    at: Mapping[tuple[str, int], SafeString]
    rest: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class WarningKind:
    """One kind of warning over the whole plan; ``url`` shows the devices that have it."""

    code: str
    title: str
    advice: str
    devices: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class SeverityGroup:
    """The warnings of one severity, gravest first."""

    severity: str
    label: str
    tone: str
    kinds: tuple[WarningKind, ...]
    url: str
    current: bool


def notices_of(warnings: Iterable[Sequence[Mapping[str, object]]], mask: Mask) -> tuple[Notice, ...]:
    """The warnings of several devices with the same diff, gravest first; those of one rule at one line are one.

    Where not all devices have it, or not all in the same words, it says how many.
    """
    found: dict[tuple[str, ...], _Alike] = {}
    rows = list(warnings)
    for row in rows:
        for warning in row:
            found.setdefault(_what(warning), _Alike(warning)).add(str(warning.get("sentence", "")))
    notices = (_notice(alike, len(rows), mask) for alike in found.values())
    return tuple(sorted(notices, key=lambda notice: -_rank(notice.severity.lower())))


@dataclass(slots=True)
class _Alike:
    """Warnings of one rule at one line, on how many devices and in how many sentences."""

    warning: Mapping[str, object]
    count: int = 0
    sentences: set[str] = field(default_factory=set)

    def add(self, sentence: str) -> None:
        self.count += 1
        self.sentences.add(sentence)

    def many(self, devices: int) -> str:
        if len(self.sentences) > 1:
            return f" And alike on {counted(self.count - 1, 'more device')}."
        return "" if self.count == devices else f" ({self.count} of {devices} devices)"


def _what(warning: Mapping[str, object]) -> tuple[str, ...]:
    """What makes two warnings the same: the rule and the line; a note, or what has no line, also its sentence."""
    line, number = str(warning.get("line", "")), str(warning.get("number") or "")
    code = str(warning.get("code", ""))
    return (code, line, number) if code and number else (code, line, str(warning.get("sentence", "")))


def _rank(severity: str) -> int:
    return Severity(severity).rank + 1 if severity in set(Severity) else 0


def _notice(alike: _Alike, devices: int, mask: Mask) -> Notice:
    warning = alike.warning
    severity, code = str(warning.get("severity", "")), str(warning.get("code", ""))
    rule, path = RULE_BY_CODE.get(code), warning.get("path", ())
    return Notice(
        text=mask.prose(str(warning.get("sentence", ""))) + alike.many(devices),
        line=mask.text(str(warning.get("line", ""))),
        tone=_TONES.get(severity, "warn"),
        code=code,
        severity=Severity(severity).label if severity in set(Severity) else "",
        title=rule.title if rule else "",
        advice=rule.explanation if rule else "",
        path=tuple(mask.text(str(part)) for part in path) if isinstance(path, list | tuple) else (),
    )


def placed(notices: Iterable[Notice], blocks: Sequence[Block]) -> Placed:
    """Find the line of each notice among the changed lines of a diff; what has none stays beside it."""
    lines = tuple(_lines(blocks))
    at: dict[tuple[str, int], list[Notice]] = {}
    rest = []
    for notice in notices:
        key = _place(notice, lines) if notice.code else None
        if key is None:
            rest.append(notice)
        else:
            at.setdefault(key, []).append(notice)
    drawn = {key: render_to_string("changes/_line_warnings.html", {"notices": found}) for key, found in at.items()}
    return Placed({key: SafeString(html) for key, html in drawn.items()}, tuple(rest))  # a template escapes


_Line = tuple[str, str, tuple[str, int]]
"""Header of the block, text of the line, and its side and number."""


def _lines(blocks: Sequence[Block]) -> Iterable[_Line]:
    for block in blocks:
        header = (block.section or "").strip()
        for row in block.rows:
            text = "".join(segment.text for segment in row.segments)
            if text and not text[0].isspace():
                header = text.strip()
            key = _key(row)
            if key:
                yield header, text.strip(), key


def _key(row: Row) -> tuple[str, int] | None:
    if row.kind == "add" and row.new_number:
        return "intended", row.new_number
    if row.kind == "del" and row.old_number:
        return "running", row.old_number
    return None


def _place(notice: Notice, lines: Sequence[_Line]) -> tuple[str, int] | None:
    """The line itself in its block, else the line anywhere, else the first line of its block that changes."""
    line = " ".join(notice.line.split())
    bare = line.removeprefix("no ").removeprefix("default ")
    wanted = {text for text in (line, bare, notice.path[-1] if notice.path else "") if text}
    block = notice.path[0] if notice.path else ""
    best: tuple[int, tuple[str, int]] | None = None
    for header, text, key in lines:
        inside = bool(block) and block in (header, text)
        score = 3 * (" ".join(text.split()) in wanted) + inside
        if score and (best is None or score > best[0]):
            best = score, key
    return best[1] if best else None


def severity_groups(revision: PlanRevision, selection: Selection) -> tuple[SeverityGroup, ...]:
    """The plan's warnings by severity, from the facts that were settled with it; no query."""
    facts = revision.facts if isinstance(revision.facts, dict) else {}
    rows = [row for row in facts.get("warnings", ()) if row.get("severity") in set(Severity)]
    groups = []
    for severity in sorted(Severity, key=lambda each: -each.rank):
        kinds = [row for row in rows if row["severity"] == severity.value]
        if kinds:
            groups.append(
                SeverityGroup(
                    severity.value,
                    severity.label,
                    _TONES[severity.value],
                    tuple(_kind(row, selection) for row in sorted(kinds, key=lambda row: -row["devices"])),
                    selection.warned(severity.value).url("diffs"),
                    selection.warning == severity.value,
                )
            )
    return tuple(groups)


def _kind(row: Mapping[str, object], selection: Selection) -> WarningKind:
    code = str(row["code"])
    rule = RULE_BY_CODE.get(code)
    return WarningKind(
        code=code,
        title=rule.title if rule else code,
        advice=rule.explanation if rule else "",
        devices=counted(int(str(row["devices"])), "device"),
        url=selection.warned(code).url("diffs"),
        current=selection.warning == code,
    )
