"""What else waits for a person beside changes: host key alerts, and exceptions to decide on."""

from __future__ import annotations

from django.db.models import QuerySet

from changes.domain.gate_policy import DECIDERS
from changes.domain.policy import Person, Role
from changes.models import GateException
from devices.models import AlertState, HostKeyAlert

SHOWN = 20


def alerts_for(person: Person) -> QuerySet[HostKeyAlert]:
    """Open host key alerts, for administrators; nothing, and no query, for others."""
    if Role.ADMINISTRATOR not in person.roles:
        return HostKeyAlert.objects.none()
    return HostKeyAlert.objects.filter(state=AlertState.OPEN).select_related("device").order_by("-pk")


def exceptions_for(person: Person) -> QuerySet[GateException]:
    """Exceptions that wait for the person's decision: never the own ones; no query for those who cannot decide."""
    if Role.AUDITOR in person.roles or person.roles.isdisjoint(DECIDERS):
        return GateException.objects.none()
    waiting = GateException.objects.awaiting_decision().exclude(requested_by_id=person.id)
    return waiting.select_related("requested_by").order_by("-pk")


def gate_task_count(person: Person) -> int:
    """How many of both wait; at most two queries."""
    return alerts_for(person).order_by().count() + exceptions_for(person).order_by().count()
