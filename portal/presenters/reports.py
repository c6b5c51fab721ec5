"""A report as its page and its PDF draw it, from the stored document alone; and the list of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.urls import reverse
from django.utils.http import urlencode

from changes.domain.kpis.definitions import ON_CHANGES, UNAUTHORIZED
from changes.domain.reports.periods import Days, ReportKind, days_of, name_of
from changes.models import Report
from portal.presenters.charts import chart_of

_COURSES: Final[Mapping[str, tuple[str, str]]] = {
    "better": ("s-succeeded", "ok"),
    "worse": ("alert", "warn"),
    "same": ("minus", "idle"),
    "moved": ("arrow-right", "idle"),
    "few": ("", "idle"),
}
_RAGS: Final[Mapping[str, tuple[str, str]]] = {
    "green": ("s-succeeded", "ok"),
    "amber": ("s-partial", "warn"),
    "red": ("s-failed", "bad"),
    "none": ("", "idle"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One block as a template draws it: its kind, and what that kind needs."""

    kind: str
    data: Any


@dataclass(frozen=True, slots=True)
class ShownSection:
    """One section; ``loud`` where it must not be missed."""

    topic: str
    title: str
    intro: str
    blocks: tuple[Shown, ...]
    loud: bool


def sections_of(document: Mapping[str, Any]) -> tuple[ShownSection, ...]:
    """Everything that a stored document shows; no query."""
    query = {"kind": document["kind"], "day": document["period"]["first"]}
    return tuple(
        ShownSection(
            topic=section["topic"],
            title=section["title"],
            intro=section["intro"],
            blocks=tuple(
                _block(block, f"{section['topic']}-{number}", query) for number, block in enumerate(section["blocks"])
            ),
            loud=section["topic"] == "emergencies" and document["emergencies"] > 0,
        )
        for section in document["sections"]
    )


def _block(block: Mapping[str, Any], name: str, query: Mapping[str, str]) -> Shown:
    if block["block"] == "chart":
        return Shown("chart", chart_of(block, name))
    if block["block"] == "figures":
        return Shown("figures", figure_rows(block["rows"], query))
    if block["block"] == "table":
        return Shown("table", shown_table(block))
    return Shown(block["block"], block)


def figure_rows(rows: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Figures with their looks, and where their very changes are listed."""
    return [_figure(row, query) for row in rows]


def _figure(row: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    icon, tone = _COURSES[row["course"]]
    rag_icon, rag_tone = _RAGS[row["rag"]]
    url = ""
    if row["key"] in ON_CHANGES:
        url = f"{reverse('kpi-changes', args=[row['key']])}?{urlencode(query)}"
    elif row["key"] == UNAUTHORIZED:
        url = f"{reverse('drift-list')}?{urlencode(_found_in(query))}"
    looks = {"course_icon": icon, "course_tone": tone, "rag_icon": rag_icon, "rag_tone": rag_tone}
    return {**row, **looks, "url": url}


def _found_in(query: Mapping[str, str]) -> dict[str, str]:
    """The filter of the list of drift for what was counted: the days of the period, and the site if one is asked."""
    days = days_of(ReportKind(query["kind"]), date.fromisoformat(query["day"]))
    found = {"unauthorized": "yes", "found_from": days.first.isoformat(), "found_until": days.last.isoformat()}
    return found | ({"site": query["site"]} if query.get("site") else {})


def shown_table(block: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of cells, each with its heading; the first cell leads to its page."""
    rows = []
    for row, path in zip(block["rows"], block["paths"], strict=True):
        cells = [
            {"text": _text(cell), "number": column["number"], "label": column["title"], "path": ""}
            for cell, column in zip(row, block["columns"], strict=True)
        ]
        cells[0]["path"] = path
        rows.append(cells)
    return {**block, "rows": rows}


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def report_rows(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """Reports of a list; they come with who made them."""
    return [
        {
            "report": report,
            "title": ReportKind(report.kind).heading,
            "name": name_of(ReportKind(report.kind), days),
            "words": days.words,
            "by": report.made_by.get_username() if report.made_by else "the schedule",
        }
        for report in reports
        for days in [Days(report.starts_on, report.ends_on)]
    ]
