"""Making a report, keeping it for good, and making those that are due."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from audit.actor import Actor
from audit.models import Archive, Event
from audit.recorder import record
from changes.domain.content import parse_comment
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.input import one_of, shown
from changes.domain.reports.document import Block, Section, alert, assemble, seal, unseal
from changes.domain.reports.periods import FIRST_DAY, LAST_DAY, Days, ReportKind, days_of, last_days, name_of
from changes.domain.reviews import rules
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import Report
from changes.services.people import enforce, person_of
from changes.services.reports.common import emergencies
from changes.services.reports.frame import Frame, spoken
from changes.services.reports.monthly import monthly_sections
from changes.services.reports.quarterly import quarterly_sections
from changes.services.reports.weekly import weekly_sections
from devices.services.scrubbing import Scrubber

logger = logging.getLogger(__name__)

OBJECT: Final = "report"
SCHEDULE: Final = Actor.system("schedule")
_SECTIONS: Final[Mapping[ReportKind, Callable[[Frame], tuple[Section, ...]]]] = {
    ReportKind.WEEKLY: weekly_sections,
    ReportKind.MONTHLY: monthly_sections,
    ReportKind.QUARTERLY: quarterly_sections,
}
_LOCK: Final = 7_204_118
"""One report at a time in the whole installation: its counting is the largest reading that the product does."""


def report_document(kind: ReportKind, days: Days, now: datetime) -> dict[str, Any]:
    """Count everything that a report holds, as it is now. Nothing is kept."""
    frame = Frame(kind, days, Scrubber.load())
    first, count = emergencies(frame)
    first = replace(first, blocks=(*first.blocks, *_unrecorded(days), *_in_archives(days)))
    return assemble(kind, days, (first, *_SECTIONS[kind](frame)), made_at=now, emergencies=count)


def _unrecorded(days: Days) -> tuple[Block, ...]:
    """A warning where the audit log begins after the period did: nothing found is not nothing done there."""
    began = _record_began()
    if began is not None and began < days.start_at + timedelta(days=1):
        return ()
    since = f"The record of this installation begins on {spoken(began.date())}." if began else "There is no record yet."
    return (alert("warn", since, "Of the days before nothing is known, so a zero in this report may mean just that."),)


def _in_archives(days: Days) -> tuple[Block, ...]:
    """A warning where events of the period have left the table: what is counted from the log lacks them."""
    archives = Archive.objects.filter(state="removed", first_at__lt=days.end_at, last_at__gte=days.start_at)
    if not archives.exists():
        return ()
    told = "Events from these days went to archives when their time was over."
    return (alert("warn", told, "What this report counts or lists from the audit log lacks them."),)


def _record_began() -> datetime | None:
    """The time of the first event, in the table or in an archive."""
    first = Event.objects.order_by("pk").values_list("at", flat=True).first()
    archived = Archive.objects.filter(state="removed").aggregate(first=Min("first_at"))["first"]
    return min((at for at in (first, archived) if at is not None), default=None)


def report_make(*, actor: Actor, kind: str, day: str, comment: str = "") -> Report:
    """Make the report of the week, month or quarter in which a day lies, and keep it.

    Where there is one, a further edition is made beside it, with the reason; the earlier one stays as it is.

    Raises:
        PolicyDeniedError: the person is no change manager. The refusal is audited.
        InvalidInputError: no such kind, no day, a period that is not over, or no reason for a further edition.
        ConflictError: another report is being made.
    """
    try:
        with transaction.atomic():
            person = person_of(actor)
            enforce(rules.may_make_report(person))
            found, days = _asked(kind, day)
            return _make(found, days, actor=actor, person_id=person.id, comment=comment)
    except ChangeError as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action="report.make_refused",
                object_type=OBJECT,
                object_id="none",
                object_label=shown(f"{kind} {day}"),
                code=refusal.code,
                reason=str(refusal),
            )
        raise


def reports_make_due(now: datetime | None = None) -> list[Report]:
    """Make the reports of the last week, month and quarter that are not there yet.

    None is made of a time from which the audit log holds nothing: the installation was not there.
    """
    moment = now or timezone.now()
    first = _record_began()
    made = []
    for kind in ReportKind:
        days = last_days(kind, moment.date())
        if first is None or first >= days.end_at or Report.objects.filter(kind=kind, starts_on=days.first).exists():
            continue
        try:
            with transaction.atomic():
                made.append(_make(kind, days, actor=SCHEDULE, person_id=None, comment=""))
        except ChangeError as refusal:
            # Somebody makes one just now, or has made it meanwhile. The next hour looks again.
            logger.warning("the %s report of %s was not made: %s", kind.value, days.words, refusal)
    return made


def report_get(report_id: int) -> tuple[Report, dict[str, Any]]:
    """A report with its document, proved against the digest that the audit log holds; two queries.

    Raises:
        ChangeNotFoundError: there is none with this id.
        ConflictError: ``ARTIFACT_CHECKSUM_BAD``; the stored bytes are not those that were made.
    """
    found = Report.objects.select_related("made_by").filter(pk=report_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no report with the id {report_id}.")
    try:
        return found, unseal(found.body, _digest_on_record(found))
    except ValueError as broken:
        raise ConflictError(str(broken), code="ARTIFACT_CHECKSUM_BAD") from broken


def _digest_on_record(report: Report) -> str:
    """The digest under which the report was made. Who edits both body and digest of the row does not change this one.

    Raises:
        ValueError: the audit log holds no such event.
    """
    made = Event.objects.filter(object_type=OBJECT, object_id=str(report.pk), action="report.made").order_by("pk")
    event = made.first()
    if event is None:
        raise ValueError("The audit log does not hold that this report was made, so it is not shown.")
    return str(event.sealed()["details"]["digest"])


def _asked(kind: str, day: str) -> tuple[ReportKind, Days]:
    if kind not in set(ReportKind):
        raise InvalidInputError({"kind": [f"“{shown(kind)}” is no report. Use one of: {one_of(ReportKind)}."]})
    try:
        asked = date.fromisoformat(day.strip())
    except ValueError:
        raise InvalidInputError({"day": ["Write a day of the period as 2026-12-31."]}) from None
    if not FIRST_DAY <= asked <= LAST_DAY:
        raise InvalidInputError({"day": [f"Give a day between {FIRST_DAY.year} and {LAST_DAY.year}."]})
    days = days_of(ReportKind(kind), asked)
    if days.end > timezone.now().date():
        sentence = f"The period {days.words} is not over. Look at the key figures, and make the report afterwards."
        raise InvalidInputError({"day": [sentence]})
    return ReportKind(kind), days


def _make(kind: ReportKind, days: Days, *, actor: Actor, person_id: int | None, comment: str) -> Report:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            raise ConflictError("A report is being made just now. Try again in a minute.", code="report_being_made")
    editions = Report.objects.filter(kind=kind, starts_on=days.first).count()
    reason = parse_comment(comment, action="make a further edition of this report", required=editions > 0)
    document = report_document(kind, days, timezone.now())
    body, digest = seal(document)
    found = Report.objects.create(
        kind=kind.value,
        starts_on=days.first,
        ends_on=days.end,
        edition=editions + 1,
        body=body,
        digest=digest,
        emergencies=document["emergencies"],
        reason=reason if editions else "",
        made_by_id=person_id,
    )
    record(
        actor=actor,
        action="report.made",
        object_type=OBJECT,
        object_id=found.pk,
        object_label=f"{kind.heading}, {name_of(kind, days)}, edition {found.edition}",
        reason=found.reason,
        details={"digest": digest, "first": days.first, "last": days.last, "emergencies": found.emergencies},
    )
    return found
