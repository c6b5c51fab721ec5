"""Declaring recurring maintenance windows, editing them, and lifting them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain.calendar.recurring import FIELDS, RecurringWindow, parse_recurring
from changes.domain.calendar.rights import may_set_windows
from changes.domain.content import parse_comment
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.input import shown
from changes.domain.windows import FARTHEST, LONGEST, Period
from changes.errors import ChangeNotFoundError, ConflictError, StaleEditError
from changes.models import MaintenanceWindow
from changes.services.calendar import calendar_lock
from changes.services.people import enforce, person_of
from changes.services.schedule_problems import problems_recheck
from changes.services.windows import database_now

OBJECT = "maintenance_window"
NAMES: Final = FIELDS | {"comment", "owner", "version"}


def window_declare(*, actor: Actor, data: Mapping[str, object]) -> MaintenanceWindow:
    """Declare a window that comes again: devices of its scope are changed in it, and at no other time.

    ``data``: ``{name, starts_at, minutes, rule, time_zone, scope, owner, comment}``, as
    :func:`changes.domain.calendar.recurring.parse_recurring` reads it; ``owner`` is a user name, by default one's own.
    Scheduled changes that lie outside it now are marked, and their people are told.

    Raises:
        PolicyDeniedError: the person is no change manager. The refusal is audited.
        InvalidInputError: with a sentence under each name.
    """
    with _remembering("declare", actor):
        person = person_of(actor)
        enforce(may_set_windows(person))
        calendar_lock()
        window, reason = _read(data, "declare a maintenance window")
        found = MaintenanceWindow.objects.create(
            **_columns(window), owner_id=_owner(data, person.id), reason=reason, declared_by_id=person.id
        )
        _audit(found, "maintenance_window.declared", actor, reason, after=window.to_data())
        problems_recheck(_coming(), actor=actor)
        return found


def window_edit(*, window_id: int, actor: Actor, data: Mapping[str, object]) -> MaintenanceWindow:
    """Replace what a window says; ``data`` as for :func:`window_declare`, with the ``version`` that was read.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: the person is no change manager. The refusal is audited.
        InvalidInputError: with a sentence under each name.
        ConflictError: it was lifted.
        StaleEditError: somebody else edited it meanwhile.
    """
    with _remembering("edit", actor, window_id):
        person = person_of(actor)
        enforce(may_set_windows(person))
        calendar_lock()
        found = _locked(window_id)
        if data.get("version") not in {None, found.version}:
            raise StaleEditError(f"Somebody else edited “{found.name}” meanwhile. Read it again, then edit it.")
        window, reason = _read(data, "edit a maintenance window")
        before = {**_said(found), "owner": found.owner.get_username()}
        for name, value in _columns(window).items():
            setattr(found, name, value)
        found.owner_id, found.reason, found.edited_at = _owner(data, found.owner_id), reason, database_now()
        found.version += 1
        found.save()
        found.refresh_from_db()
        after = {**_said(found), "owner": found.owner.get_username()}
        _audit(found, "maintenance_window.edited", actor, reason, before=before, after=after)
        problems_recheck(_coming(), actor=actor)
        return found


def window_lift(*, window_id: int, actor: Actor, comment: str) -> MaintenanceWindow:
    """End a window for good: its devices are bound to it no more.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: the person is no change manager. The refusal is audited.
        InvalidInputError: no reason.
        ConflictError: it was lifted before.
    """
    with _remembering("lift", actor, window_id):
        person = person_of(actor)
        enforce(may_set_windows(person))
        calendar_lock()
        found = _locked(window_id)
        reason = parse_comment(comment, action="lift a maintenance window")
        MaintenanceWindow.objects.filter(pk=found.pk).update(lifted_by=person.id, lifted_at=Now(), lift_reason=reason)
        found.refresh_from_db()
        _audit(found, "maintenance_window.lifted", actor, reason, before=_said(found))
        problems_recheck(_coming(), actor=actor)
        return found


def _locked(window_id: int) -> MaintenanceWindow:
    rows = MaintenanceWindow.objects.select_for_update(no_key=True, of=("self",)).select_related("owner")
    found = rows.filter(pk=window_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no maintenance window with the id {window_id}.")
    if found.lifted_at is not None:
        raise ConflictError(f"The window “{found.name}” was lifted. Declare another one.", code="window_lifted")
    return found


def _read(data: Mapping[str, object], action: str) -> tuple[RecurringWindow, str]:
    window = parse_recurring(
        {name: value for name, value in data.items() if name not in {"comment", "owner", "version"}},
        now=database_now(),
    )
    return window, parse_comment(data.get("comment", ""), action=action)


def _owner(data: Mapping[str, object], default: int) -> int:
    name = data.get("owner")
    if name is None or name == "":
        return default
    found = get_user_model().objects.filter(username=str(name), is_active=True).first()
    if found is None:
        raise InvalidInputError({"owner": [f"There is nobody with the user name “{shown(name)}”. Give another one."]})
    return int(found.pk)


def _columns(window: RecurringWindow) -> dict[str, object]:
    return window.to_data()


def _said(row: MaintenanceWindow) -> dict[str, object]:
    return {name: getattr(row, name) for name in sorted(FIELDS)}


def _coming() -> Period:
    now = database_now()
    return Period(now, now + FARTHEST + LONGEST + timedelta(days=1))


@contextmanager
def _remembering(attempt: str, actor: Actor, window_id: int | None = None) -> Iterator[None]:
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
                action=f"maintenance_window.{attempt}_refused",
                object_type=OBJECT,
                object_id=window_id or "none",
                object_label="maintenance window",
                code=refusal.code,
                reason=str(refusal),
            )
        raise


def _audit(
    found: MaintenanceWindow,
    action: str,
    actor: Actor,
    reason: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    record(
        actor=actor,
        action=action,
        object_type=OBJECT,
        object_id=found.pk,
        object_label=found.name,
        reason=reason,
        before=before,
        after=after,
    )
