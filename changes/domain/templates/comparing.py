"""A template's document as text that people read, so that two versions can be compared line by line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

CONTEXT: Final = 3


def as_text(document: Mapping[str, Any]) -> str:
    """The document, as :meth:`TemplateDocument.to_json` gives it, section by section."""
    return "\n".join(_lines(document)) + "\n"


def compared(before: Mapping[str, Any], after: Mapping[str, Any], *, names: tuple[str, str]) -> str:
    """A unified diff of two documents; "" where they say the same."""
    old, new = as_text(before).splitlines(), as_text(after).splitlines()
    return "\n".join(difflib.unified_diff(old, new, *names, n=CONTEXT, lineterm=""))


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    for name in ("purpose", "trigger"):
        yield from _section(name.capitalize(), document[name])
    yield from _section("Variables", _json(document["variables"]))
    for platform, content in sorted(document["content"].items()):
        yield from _section(f"Content for {platform}", content.rstrip("\n"))
    for kind in ("pre", "post"):
        for check in document["checks"][kind]:
            yield from _section(f"{kind.capitalize()}-check {check['name']}", _json(check))
    yield from _section("Strategy", _json(document["strategy"]))
    yield from _section("Backout notes", document["backout_notes"])
    for number, step in enumerate(document["steps"], start=1):
        yield from _section(f"Decision step {number}: {step['title']}", _json(step))
    for answer in document["rubric"]:
        ready = "ready" if answer["ready"] else "not ready"
        yield from _section(answer["question"], f"{answer['answer'] or '(no answer)'}\n({ready})")
    yield from _section("Envelope", _json(document["envelope"]) if document["envelope"] else "(none)")


def _section(title: str, text: str) -> Iterator[str]:
    yield f"# {title}"
    yield from (text or "(empty)").split("\n")
    yield ""


def _json(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
