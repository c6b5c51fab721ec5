"""How long events stay, by class; every change of it is an event."""

from dataclasses import dataclass

from django.db import transaction

from audit.actor import Actor
from audit.models import RetentionPeriod
from audit.recorder import ObjectType, record
from audit.retention.errors import BadRetentionError
from audit.retention.people import SETTERS, demand_role
from audit.retention.vocabulary import LONGEST_DAYS, SHORTEST_DAYS, RetentionClass


@dataclass(frozen=True, slots=True)
class Period:
    """A class of events and for how many days they stay after the change's end; ``None``: for ever."""

    retention_class: RetentionClass
    days: int | None


def periods() -> tuple[Period, ...]:
    """The period of each class. One query."""
    days = dict(RetentionPeriod.objects.values_list("change_class", "days"))
    return tuple(Period(each, days.get(each.value)) for each in RetentionClass)


def period_set(*, actor: Actor, retention_class: str, days: str, reason: str) -> Period:
    """Say for how many days (400 to 36,500) events of a class stay; an empty text: for ever. Nothing new is no event.

    Raises:
        RetentionRefusedError: not an administrator; the attempt is recorded.
        BadRetentionError: there is no such class, the days are none, or the reason is missing.
    """
    demand_role(actor, SETTERS, attempt="set", kind=ObjectType.RETENTION_PERIOD)
    chosen, wanted = _class(retention_class), _days(days)
    why = reason.strip()
    if not why or len(why) > 4_000 or "\x00" in why:
        raise BadRetentionError("reason", "Say in a few words why these events stay longer or shorter.")
    with transaction.atomic():
        row, _made = RetentionPeriod.objects.select_for_update(no_key=True).get_or_create(change_class=chosen.value)
        before = row.days
        if before != wanted or _made:
            row.days = wanted
            row.save(update_fields=["days"])
            record(
                actor=actor,
                action="retention_period.set",
                object_type=ObjectType.RETENTION_PERIOD,
                object_id=row.pk,
                object_label=chosen.label,
                reason=why,
                before={"class": chosen, "days": before},
                after={"class": chosen, "days": wanted},
            )
    return Period(chosen, wanted)


def _class(text: str) -> RetentionClass:
    try:
        return RetentionClass(text)
    except ValueError:
        raise BadRetentionError("class", f"There is no such class. Use {', '.join(RetentionClass)}.") from None


def _days(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 6 or not SHORTEST_DAYS <= int(text) <= LONGEST_DAYS:
        raise BadRetentionError(
            "days",
            f"Give a number of days from {SHORTEST_DAYS} to {LONGEST_DAYS:,}, or nothing: then they stay for ever.",
        )
    return int(text)
