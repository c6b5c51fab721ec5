"""What every page's shell shows: how much waits for the person, and their roles."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from changes.domain.policy import Person, Role
from changes.domain.waiting import COUNTED
from changes.services.inboxes import waiting_counts
from devices.services.drift_queue import drift_to_review
from portal.presenters.gate_tasks import gate_task_count
from portal.views.access import engaged_kill_switch, may_write, reads_audit, reads_credentials, unread_count, viewer


def shell(request: HttpRequest) -> dict[str, object]:
    """``inbox_count``, ``user_roles``, ``kill_switch``, ``may_…``; nothing is asked before a page prints it.

    A whole page costs two small queries (roles, count), a part of one none.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "inbox_count": SimpleLazyObject(lambda: waiting_count(viewer(request))),
        "drift_count": SimpleLazyObject(lambda: drift_count(viewer(request))),
        "kill_switch": SimpleLazyObject(lambda: engaged_kill_switch(request)),
        "unread_count": SimpleLazyObject(lambda: unread_count(request)),
        "user_roles": SimpleLazyObject(lambda: role_labels(viewer(request))),
        "may_write": SimpleLazyObject(lambda: may_write(request)),
        "may_read_audit": SimpleLazyObject(lambda: reads_audit(viewer(request))),
        "may_read_credentials": SimpleLazyObject(lambda: reads_credentials(viewer(request))),
    }


def waiting_count(person: Person) -> str:
    """How much waits for the person, as a badge shows it; one query, two more for whom alerts and exceptions are."""
    count = sum(waiting_counts(person).values()) + gate_task_count(person)
    return f"{COUNTED - 1}+" if count >= COUNTED else str(count or "")


def drift_count(person: Person) -> int:
    """How much drift waits for a change manager's decision; nothing for others. One query on an index."""
    return drift_to_review() if Role.CHANGE_MANAGER in person.roles else 0


def role_labels(person: Person) -> list[str]:
    """The person's roles as people read them, in the order of the roles."""
    return [role.label for role in Role if role in person.roles]
