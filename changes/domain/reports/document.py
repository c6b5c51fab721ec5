"""A report as data: sections of alerts, figures, charts and tables, with every word and number that it will ever show.

The document is stored as canonical JSON and never computed again, so it reads the same in ten years. It holds no
floats: shares are their two counts, times are seconds, and beside each stands the text that people read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from changes.domain.canonical import canonical_json, parse_canonical
from changes.domain.kpis.definitions import Kpi
from changes.domain.kpis.reading import Value, compare, judge, target_words
from changes.domain.reports.periods import Days, ReportKind, name_of

SCHEMA: Final = "countersign.report/1"
"""First member of every document, so that a reader in ten years knows what it holds."""
Block = dict[str, Any]
Cell = str | int


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report under a heading; ``topic`` is one of those that the review has to look at."""

    topic: str
    title: str
    intro: str
    blocks: tuple[Block, ...]

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"topic": self.topic, "title": self.title, "intro": self.intro, "blocks": list(self.blocks)}


def alert(tone: str, title: str, text: str) -> Block:
    """Something that nobody shall miss; ``tone`` is ok, warn or bad."""
    return {"block": "alert", "tone": tone, "title": title, "text": text}


def sentence(text: str) -> Block:
    """A paragraph."""
    return {"block": "sentence", "text": text}


def figures(kpis: Sequence[Kpi], now: Mapping[str, Value], before: Mapping[str, Value]) -> Block:
    """Key figures with their definitions, counts, comparison and judgement; what was not counted is left out."""
    rows = [_figure(kpi, now[kpi.key], before.get(kpi.key, Value())) for kpi in kpis if kpi.key in now]
    return {"block": "figures", "rows": rows}


def _figure(kpi: Kpi, now: Value, before: Value) -> dict[str, Any]:
    comparison = compare(kpi, now, before)
    rag = judge(kpi, now)
    return {
        "key": kpi.key,
        "title": kpi.title,
        "question": kpi.question,
        "formula": kpi.formula,
        "numerator_is": kpi.numerator,
        "denominator_is": kpi.denominator,
        "unit": kpi.unit.value,
        "unit_words": kpi.unit_words,
        "numerator": now.numerator,
        "denominator": now.denominator,
        "text": now.text(kpi),
        "counted": now.counted(kpi),
        "before_numerator": before.numerator,
        "before_denominator": before.denominator,
        "course": comparison.course.value,
        "comparison": comparison.text,
        "rag": rag.value,
        "rag_label": rag.label,
        "target": target_words(kpi),
    }


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; numbers stand to the right."""

    title: str
    number: bool = False


def table(
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    empty: str,
    paths: Sequence[str] = (),
    more: int = 0,
) -> Block:
    """Rows under headings. ``paths`` lead from the rows' first cells into the portal; ``empty`` is said without rows.

    ``more`` counts further rows that are not told one by one.
    """
    return {
        "block": "table",
        "title": title,
        "columns": [{"title": column.title, "number": column.number} for column in columns],
        "rows": [list(row) for row in rows],
        "paths": list(paths) or ["" for _row in rows],
        "empty": empty,
        "more": more,
    }


def chart(
    title: str, about: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[int]]], *, unit: str
) -> Block:
    """Stacked columns: one label for each column, one number in each series for each label."""
    return {
        "block": "chart",
        "title": title,
        "about": about,
        "unit": unit,
        "labels": list(labels),
        "series": [{"name": name, "values": list(values)} for name, values in series],
    }


def assemble(
    kind: ReportKind, days: Days, sections: Sequence[Section], *, made_at: datetime, emergencies: int
) -> dict[str, Any]:
    """The whole document."""
    return {
        "schema": SCHEMA,
        "kind": kind.value,
        "title": kind.heading,
        "name": name_of(kind, days),
        "period": {"first": days.first.isoformat(), "last": days.last.isoformat(), "words": days.words},
        "made_at": made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "emergencies": emergencies,
        "sections": [section.to_data() for section in sections],
    }


def seal(document: Mapping[str, Any]) -> tuple[str, str]:
    """The document's only encoding, and the SHA-256 of its bytes in hex.

    Raises:
        CanonicalError: it holds something that has no canonical form.
    """
    body = canonical_json(document)
    return body.decode(), hashlib.sha256(body).hexdigest()


def unseal(body: str, digest: str) -> dict[str, Any]:
    """The document that was sealed.

    Raises:
        ValueError: the bytes are not those of the digest.
        CanonicalError: they are no canonical JSON.
    """
    data = body.encode()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError("The stored report is not the one that was made: its bytes and its digest differ.")
    document = parse_canonical(data)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError("The stored report is of an unknown kind.")
    return document
