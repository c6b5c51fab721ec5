"""Declaring change freezes, and lifting them. `windows` asks for those in force, before each start, wave and device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import transaction
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain import policy
from changes.domain.calendar.freezes import parse_freeze
from changes.domain.content import parse_comment
from changes.domain.errors import ChangeError
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import ChangeFreeze
from changes.services.calendar import calendar_lock, scoped
from changes.services.people import enforce, person_of
from changes.services.schedule_problems import Hit, hits_of_freeze, problems_recheck
from changes.services.windows import database_now

OBJECT = "change_freeze"


def freeze_declare(*, actor: Actor, data: Mapping[str, object]) -> ChangeFreeze:
    """Forbid every start on the devices of a scope in a period: of runs, waves and devices.

    A run that is under way on such devices is paused when it begins. ``data``: ``{name, starts_at, ends_at, scope,
    exempt_types, comment}``; times in ISO 8601, without a zone they mean UTC; without a scope it holds for all
    devices. Scheduled changes that it hits are marked, and their people are told.

    Raises:
        PolicyDeniedError: the person is no change manager. The refusal is audited.
        InvalidInputError: with a sentence under each name.
    """
    with _remembering("declare", actor):
        person = person_of(actor)
        enforce(policy.may_declare_freeze(person))
        freeze = parse_freeze(data, now=database_now())
        reason = parse_comment(data.get("comment", ""), action="declare a freeze")
        calendar_lock()
        period = freeze.period
        found = ChangeFreeze.objects.create(
            name=period.name,
            starts_at=period.start,
            ends_at=period.end,
            reason=reason,
            declared_by_id=person.id,
            **freeze.to_data(),
        )
        _audit(found, "change_freeze.declared", actor=actor, reason=reason)
        problems_recheck(period, actor=actor)
        return found


def freeze_hits(*, actor: Actor, data: Mapping[str, object]) -> tuple[Hit, ...]:
    """The scheduled changes that such a freeze would hit. Nothing is written; ``data`` as for :func:`freeze_declare`.

    Raises:
        PolicyDeniedError: the person is no change manager.
        InvalidInputError: with a sentence under each name.
    """
    enforce(policy.may_declare_freeze(person_of(actor)))
    return hits_of_freeze(parse_freeze(data, now=database_now()))


def freeze_lift(*, freeze_id: int, actor: Actor, comment: str) -> ChangeFreeze:
    """End a freeze early, or call one off that has not begun. Nothing starts by itself.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: the person is no change manager. The refusal is audited.
        InvalidInputError: no reason.
        ConflictError: it is over, or was lifted before.
    """
    with _remembering("lift", actor, freeze_id):
        calendar_lock()
        found = ChangeFreeze.objects.select_for_update(no_key=True).filter(pk=freeze_id).first()
        if found is None:
            raise ChangeNotFoundError(f"There is no freeze with the id {freeze_id}.")
        person = person_of(actor)
        enforce(policy.may_declare_freeze(person))
        if found.lifted_at is not None or found.ends_at <= database_now():
            raise ConflictError(f"The freeze “{found.name}” is over already.", code="freeze_over")
        reason = parse_comment(comment, action="lift a freeze")
        ChangeFreeze.objects.filter(pk=found.pk).update(lifted_by=person.id, lifted_at=Now(), lift_reason=reason)
        found.refresh_from_db()
        _audit(found, "change_freeze.lifted", actor=actor, reason=reason)
        problems_recheck(scoped(found).period, actor=actor)
        return found


@contextmanager
def _remembering(attempt: str, actor: Actor, freeze_id: int | None = None) -> Iterator[None]:
    """Run one attempt in its own transaction; a refusal is rolled back and audited."""
    try:
        with transaction.atomic():
            yield
    except ChangeNotFoundError:
        raise
    except ChangeError as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action=f"change_freeze.{attempt}_refused",
                object_type=OBJECT,
                object_id=freeze_id or "none",
                object_label="change freeze",
                code=refusal.code,
                reason=str(refusal),
            )
        raise


def _audit(found: ChangeFreeze, action: str, *, actor: Actor, reason: str) -> None:
    record(
        actor=actor,
        action=action,
        object_type=OBJECT,
        object_id=found.pk,
        object_label=found.name,
        reason=reason,
        details={
            "starts_at": found.starts_at,
            "ends_at": found.ends_at,
            "scope": found.scope,
            "exempt_types": found.exempt_types,
        },
    )
