"""Delegations: a person says who acts for them, from when until when, and takes it back at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.actor import Actor
from audit.recorder import record
from changes.domain import policy
from changes.domain.approval_policy import delegation as rules
from changes.domain.approval_policy.delegation import DELEGATION_REFUSED, ActingFor
from changes.domain.content import parse_comment
from changes.domain.errors import InvalidInputError
from changes.domain.input import unknown_names
from changes.domain.policy import Person, Role, Stage
from changes.errors import ChangeNotFoundError, ConflictError, PolicyDeniedError
from changes.models import Delegation
from changes.services.people import people_of, person_of
from changes.services.windows import database_now

FARTHEST: Final = timedelta(days=366)
"""So far ahead a delegation may start."""
NAMES: Final = frozenset({"delegate", "starts_at", "ends_at", "groups", "out_of_office", "reason"})


@transaction.atomic
def delegation_create(*, actor: Actor, data: Mapping[str, object]) -> Delegation:
    """Let somebody else decide for the person who asks, or say that they are out of office; audited.

    ``data``: ``{delegate?, starts_at?, ends_at, groups?, out_of_office?, reason?}``; ``delegate`` is a username, times
    are ISO 8601 and mean UTC without a zone, no start is now, no group is all. Nobody makes one for somebody else.

    Raises:
        PolicyDeniedError: nobody is signed in, or an auditor is.
        InvalidInputError: with a sentence under each name.
    """
    principal = person_of(actor)
    if Role.AUDITOR in principal.roles:
        sentence = "You hold the auditor role, and auditors only read, so there is nothing to delegate."
        raise PolicyDeniedError([(policy.GATE_ROLE_DENIED, sentence)])
    # One after the other for each person: two that overlap cannot both be made.
    get_user_model().objects.select_for_update(no_key=True).get(pk=principal.id)
    row = _parsed(principal, data)
    row.save()
    _audit(row, actor, "delegation.created")
    return row


def delegation_revoke(*, delegation_id: int, actor: Actor) -> Delegation:
    """End a delegation at once: who gave it, who holds it, or a change manager. What was decided by it stays.

    Raises:
        ChangeNotFoundError: there is none with this id that the person may see.
        PolicyDeniedError: it is somebody else's.
        ConflictError: it has ended already.
    """
    person = person_of(actor)
    with transaction.atomic():
        row = Delegation.objects.select_for_update(of=("self",), no_key=True).filter(pk=delegation_id).first()
        if row is None:
            raise ChangeNotFoundError(f"There is no delegation with the id {delegation_id}.")
        if person.id not in {row.principal_id, row.delegate_id} and Role.CHANGE_MANAGER not in person.roles:
            sentence = "Only who gave a delegation, who holds it, or a change manager can revoke it. Ask one of them."
            raise PolicyDeniedError([(policy.GATE_ROLE_DENIED, sentence)])
        now = database_now()
        if row.revoked_at is not None or row.ends_at <= now:
            raise ConflictError("This delegation has ended already.", code="delegation_ended")
        row.revoked_at, row.revoked_by_id = now, person.id
        row.save(update_fields=["revoked_at", "revoked_by"])
        _audit(row, actor, "delegation.revoked")
        return row


def delegations_seen_by(person: Person) -> QuerySet[Delegation]:
    """The delegations that a person gave or holds; change managers and auditors see all. Newest first; one query."""
    rows = Delegation.objects.select_related("principal", "delegate", "revoked_by")
    if person.roles.isdisjoint({Role.CHANGE_MANAGER, Role.AUDITOR}):
        rows = rows.filter(Q(principal=person.id) | Q(delegate=person.id))
    return rows.order_by("-pk")


def acting_for(person: Person, principal_id: int, stage: Stage | None, *, held: bool = False) -> ActingFor:
    """The absent member as they are now, and the delegation that this person holds of them; four queries.

    Of several that hold it is one by which they may act in the stage, if there is one. With ``held`` none of them can
    be revoked until the transaction ends: who revoked one finds no later decision by it.

    Raises:
        PolicyDeniedError: ``DELEGATION_REFUSED``; they hold none now.
    """
    principal = people_of([principal_id]).get(principal_id)
    rows = Delegation.objects.in_force().filter(principal=principal_id, delegate=person.id).order_by("pk")
    rows = rows.select_for_update(no_key=True) if held else rows
    found = [] if principal is None else [ActingFor(principal, domain_delegation(row)) for row in rows]
    if not found:
        name = principal.username if principal else "this person"
        sentence = f"You hold no delegation of {name} that is in force now. Ask them for one, or ask another member."
        raise PolicyDeniedError([(DELEGATION_REFUSED, sentence)])
    fitting = [one for one in found if stage is not None and rules.group_for(stage, one) is not None]
    return (fitting or found)[0]


def absent_members(person: Person) -> list[tuple[int, str]]:
    """For whom a person may act by a delegation that is in force: ids and usernames; one query."""
    rows = Delegation.objects.in_force().filter(delegate=person.id, principal__is_active=True)
    return list(rows.order_by("principal__username").values_list("principal_id", "principal__username").distinct())


def domain_delegation(row: Delegation) -> rules.Delegation:
    """A row as the rules judge it. One without a delegate names nobody, so that nobody acts by it."""
    return rules.Delegation(
        principal_id=row.principal_id,
        delegate_id=row.delegate_id or 0,
        start=row.starts_at,
        end=row.ends_at,
        groups=frozenset(row.groups),
        revoked_at=row.revoked_at,
    )


def _parsed(principal: Person, data: Mapping[str, object]) -> Delegation:
    problems = {name: [sentence] for name, sentence in unknown_names(data, NAMES, "field").items()}
    now = database_now()
    start = _moment(data, "starts_at", problems) or now
    end = _moment(data, "ends_at", problems)
    if end is None and "ends_at" not in problems:
        problems["ends_at"] = ["Say when it ends."]
    away = data.get("out_of_office", False)
    if not isinstance(away, bool):
        problems["out_of_office"] = ["Say true or false."]
    delegate = _delegate(data, problems, away=bool(away))
    groups = _groups(principal, data, problems)
    reason = data.get("reason", "")
    if not isinstance(reason, str):
        problems["reason"] = ["Give a text."]
    if problems or end is None:
        raise InvalidInputError(problems)
    row = Delegation(
        principal_id=principal.id,
        delegate_id=delegate.id if delegate else None,
        starts_at=max(start, now),
        ends_at=end,
        groups=groups,
        out_of_office=bool(away),
        reason=parse_comment(reason, action="delegate", required=False),
    )
    _judge(row, now)
    return row


def _judge(row: Delegation, now: datetime) -> None:
    others = Delegation.objects.to_come_or_in_force().filter(principal=row.principal_id)
    found = rules.why_no_delegation(domain_delegation(row), others=map(domain_delegation, others))
    if row.ends_at <= now:
        found = (*found, "It must end in the future.")
    if row.starts_at > now + FARTHEST:
        found = (*found, f"It must start within {FARTHEST.days} days.")
    if found:
        raise InvalidInputError({"ends_at": list(found)})


def _moment(data: Mapping[str, object], name: str, problems: dict[str, list[str]]) -> datetime | None:
    value = data.get(name)
    if value in (None, ""):
        return None
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
        moment = timezone.make_aware(moment, UTC) if moment and timezone.is_naive(moment) else moment
        moment = moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        problems[name] = ["Give a date and a time, such as 2026-11-30T08:00+01:00."]
    return moment


def _delegate(data: Mapping[str, object], problems: dict[str, list[str]], *, away: bool) -> Person | None:
    name = data.get("delegate")
    if name in (None, ""):
        if not away:
            problems["delegate"] = ["Name who acts, or say that you are out of office and nobody does."]
        return None
    known = isinstance(name, str) and "\0" not in name
    ids = get_user_model().objects.filter(username=name).values_list("pk", flat=True) if known else []
    person = next(iter(people_of(ids).values()), None)
    if person is None:
        problems["delegate"] = ["There is no active account of this name."]
    elif Role.AUDITOR in person.roles:
        problems["delegate"] = ["Auditors only read, so they act for nobody. Name somebody else."]
    return person


def _groups(principal: Person, data: Mapping[str, object], problems: dict[str, list[str]]) -> list[str]:
    value = data.get("groups") or []
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        problems["groups"] = ["Give a list of names of groups; an empty one means all of yours."]
        return []
    foreign = sorted(set(value) - principal.roles)
    if foreign:
        problems["groups"] = [f"You are not in {', '.join(foreign)}, so you cannot delegate it."]
    return sorted(set(value))


def _audit(row: Delegation, actor: Actor, action: str) -> None:
    delegate = row.delegate.get_username() if row.delegate else ""
    record(
        actor=actor,
        action=action,
        object_type="delegation",
        object_id=row.pk,
        object_label=f"{row.principal.get_username()} to {delegate or 'nobody'}",
        reason=row.reason,
        details={
            "principal": row.principal.get_username(),
            "delegate": delegate,
            "starts_at": row.starts_at,
            "ends_at": row.ends_at,
            "groups": row.groups,
            "out_of_office": row.out_of_office,
        },
    )
