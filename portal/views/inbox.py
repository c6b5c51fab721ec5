"""The inbox: what waits for a person, why, and what hurries; nothing is approved here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.policy import Person
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from changes.domain.waiting import COUNTED, Work
from changes.models import ChangeRequest
from changes.services.inboxes import OTHERS_SHOWN, Firsts, Standing, waiting_counts, waiting_firsts
from changes.services.waiting import work_of
from portal.presenters.change_rows import ChangeRow, briefly, change_rows
from portal.presenters.gate_tasks import SHOWN as GATES_SHOWN
from portal.presenters.gate_tasks import alerts_for, exceptions_for
from portal.presenters.inbox import CHANGE_KINDS, InboxGroup, change_group
from portal.presenters.inbox_paging import Part, part_of, url_of
from portal.presenters.inbox_reasons import ASKED, why_of
from portal.presenters.inbox_tasks import TASK_KINDS, tasks_of
from portal.presenters.together import MOST, Together, together_of
from portal.presenters.visible import Mask
from portal.views.access import refused, signed_in, viewer
from portal.views.strictness import asked_for

SHOWN: Final = 8
"""How many of each kind stand on the first page."""
PAGE: Final = 25
_FILTERS: Final = ("kind", "type", "risk", "urgency")
_ORDER: Final = {kind: at for at, kind in enumerate(Work)}


@dataclass(frozen=True, slots=True)
class Drawn:
    """The changes of a page by their ids, and the same as rows."""

    changes: Mapping[int, ChangeRequest]
    rows: Mapping[int, ChangeRow]


@require_safe
@signed_in
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits for this person and why, what runs now, and how their own changes stand."""
    person = viewer(request)
    try:
        asked = _asked(request)
        firsts = Firsts(waiting_counts(person)) if asked else waiting_firsts(person, size=SHOWN + 1)
        found = _parts(person, asked, firsts, request.GET.get("after", ""))
        rows = _rows(found, firsts)
        groups, next_url = _groups(request, person, asked, firsts.counts, found, rows)
    except InvalidInputError as error:
        return refused(
            request, "This page does not exist", str(error), status=400, url=reverse("inbox"), label="Your inbox"
        )
    alerts, exceptions = list(alerts_for(person)[:GATES_SHOWN]), list(exceptions_for(person)[:GATES_SHOWN])
    total = sum(firsts.counts.values()) + len(alerts) + len(exceptions)
    filtered = bool(asked)
    context: dict[str, Any] = {
        "groups": groups,
        "asked": asked,
        "filters": _filter_links(request, asked),
        "filtered": filtered,
        "kind": asked.get("kind", ""),
        "next_url": next_url,
        "first_url": url_of(request.path, request.GET, after="") if request.GET.get("after") else "",
        "alerts": [] if filtered else alerts,
        "exceptions": [] if filtered else exceptions,
        "may_enrol": bool(alerts),
        "inbox_count": _shown(total),
        "crumbs": [{"label": "Inbox", "url": ""}],
        **({} if filtered else _standing(person, firsts, rows)),
    }
    return render(request, "inbox/inbox.html", context)


@require_safe
@signed_in
def inbox_together(request: HttpRequest) -> HttpResponse:
    """Several changes side by side, and where they meet. Each is decided on its own plan, never together."""
    try:
        given = asked_for(request.GET, ["change"], several=["change"]).get("change", [])
        found: Together = together_of(given, Mask.load())
    except InvalidInputError as error:
        return refused(request, "Nothing to compare", str(error), status=400, url=reverse("inbox"), label="Your inbox")
    context = {
        "together": found,
        "most": MOST,
        "crumbs": [{"label": "Inbox", "url": reverse("inbox")}, {"label": "Side by side", "url": ""}],
    }
    return render(request, "inbox/together.html", context)


def _asked(request: HttpRequest) -> dict[str, str]:
    values = {name: found[0] for name, found in asked_for(request.GET, [*_FILTERS, "after"]).items()}
    known: dict[str, set[str]] = {
        "kind": set(Work),
        "type": set(ChangeType),
        "risk": set(RiskLevel),
        "urgency": {"urgent"},
    }
    for name, allowed in known.items():
        if name in values and values[name] not in allowed:
            raise InvalidInputError({name: [f"“{name}” takes one of: {', '.join(sorted(allowed))}."]})
    if "after" in values and "kind" not in values:
        raise InvalidInputError({"after": ["Name the kind of work whose next page you want."]})
    return {name: value for name, value in values.items() if name != "after"}


def _groups(
    request: HttpRequest,
    person: Person,
    asked: Mapping[str, str],
    counts: Mapping[Work, int],
    parts: Mapping[Work, Part],
    drawn: Drawn,
) -> tuple[list[InboxGroup], str]:
    """The groups with their rows, and the address of the next page."""
    alone = asked.get("kind", "")
    narrowed = asked.keys() - {"kind"}
    why = why_of(
        person,
        [drawn.changes[pk] for kind, part in parts.items() if kind in ASKED for pk in part.rows if pk in drawn.changes],
        delegated=Work.DELEGATED in parts,
    )
    mask = Mask.load() if any(kind not in CHANGE_KINDS for kind in parts) else None
    groups = []
    for kind, part in sorted(parts.items(), key=lambda item: _ORDER[item[0]]):
        if not part.rows:
            continue
        count = "" if narrowed else _shown(counts.get(kind, 0))
        all_url = url_of(request.path, request.GET, kind=kind.value) if part.after and not alone else ""
        if kind in CHANGE_KINDS:
            changes = [drawn.changes[pk] for pk in part.rows if pk in drawn.changes]
            groups.append(change_group(kind, changes, drawn.rows, why, count=count, all_url=all_url))
        elif mask is not None:
            words = TASK_KINDS[kind]
            tasks = tuple(words.rows(part.rows, mask))
            groups.append(InboxGroup(kind.value, words.title, words.why, tasks, count, all_url, are_changes=False))
    following = next((part.after for part in parts.values()), "") if alone else ""
    return groups, url_of(request.path, request.GET, after=following) if following else ""


def _parts(person: Person, asked: Mapping[str, str], firsts: Firsts, after: str) -> dict[Work, Part]:
    """What is shown of each kind: of changes their ids, which are found on narrow indexes; at most a query each."""
    alone = asked.get("kind", "")
    narrowed = {name: value for name, value in asked.items() if name != "kind"}
    if not asked:
        ids = {kind: firsts.changes.get(kind, []) for kind in firsts.counts if kind in CHANGE_KINDS}
        parts = {kind: Part(found[:SHOWN], "more" * (len(found) > SHOWN)) for kind, found in ids.items()}
        others = work_of(person, only=firsts.counts.keys() - CHANGE_KINDS)
        return parts | {
            kind: part_of(kind, tasks_of(kind, rows), after="", size=SHOWN) for kind, rows in others.items()
        }
    size = PAGE if alone else SHOWN
    return {
        kind: part_of(kind, _narrowed(kind, rows, narrowed), after=after, size=size)
        for kind, rows in work_of(person, only=[Work(alone)] if alone else firsts.counts.keys()).items()
        if kind in CHANGE_KINDS or not narrowed
    }


def _rows(parts: Mapping[Work, Part], firsts: Firsts) -> Drawn:
    """Every change that the page shows, read and drawn together."""
    ids = {pk for kind, part in parts.items() if kind in CHANGE_KINDS for pk in part.rows}
    ids |= {pk for kind in Standing for pk in firsts.changes.get(kind, [])}
    changes = briefly(ChangeRequest.objects.all()).in_bulk(ids) if ids else {}
    return Drawn(changes, {row.id: row for row in change_rows(list(changes.values()))})


def _narrowed(kind: Work, rows: QuerySet[Model], asked: Mapping[str, str]) -> QuerySet[Model]:
    if kind not in CHANGE_KINDS:
        return tasks_of(kind, rows)
    columns: dict[str, object] = {{"risk": "risk_level"}.get(name, name): value for name, value in asked.items()}
    if columns.pop("urgency", ""):
        columns["urgent"] = True
    return rows.filter(**columns)


def _filter_links(request: HttpRequest, asked: Mapping[str, str]) -> list[dict[str, object]]:
    """Ways to narrow the inbox, as links that are on or off."""
    offered = [
        ("urgency", "urgent", "Urgent"),
        *(("type", kind.value, kind.label) for kind in ChangeType),
        *(("risk", level.value, f"{level.label} risk") for level in RiskLevel),
    ]
    links: list[dict[str, object]] = []
    for name, value, label in offered:
        on = asked.get(name) == value
        url = url_of(request.path, request.GET, **{name: "" if on else value, "after": ""})
        links.append({"label": label, "url": url, "on": on})
    return links


def _standing(person: Person, firsts: Firsts, drawn: Drawn) -> dict[str, object]:
    """What runs now, and the person's own changes: under way and ended."""

    def latest(*kinds: Standing) -> list[ChangeRow]:
        found = {pk: drawn.rows[pk] for kind in kinds for pk in firsts.changes.get(kind, []) if pk in drawn.rows}
        return sorted(found.values(), key=lambda row: row.updated_at, reverse=True)[:OTHERS_SHOWN]

    return {
        "under_way": latest(Standing.RUNNING, Standing.OWN),
        "finished": latest(Standing.ENDED),
        "own_url": f"{reverse('change-list')}?{urlencode({'author': person.username})}",
    }


def _shown(count: int) -> str:
    return f"{COUNTED - 1}+" if count >= COUNTED else str(count or "")
