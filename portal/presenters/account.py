"""What the page of one's own account shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.models import Event
from changes.domain.policy import Person, Role
from portal.presenters.visible import visible

EVENTS_SHOWN: Final = 8

_MAY: Final = {
    Role.REQUESTER: "Write changes, plan, submit and withdraw your own.",
    Role.PEER: "Assess the plans of others, or send them back.",
    Role.CAB: "Approve, reject or send back assessed plans of others.",
    Role.SECURITY: "Approve, reject or send back plans of others where a policy asks security.",
    Role.SERVICE_OWNER: "Approve, reject or send back plans of others where a policy asks service owners.",
    Role.ECAB: "Approve, reject or send back emergency changes of others.",
    Role.CHANGE_MANAGER: "Close changes that you neither wrote nor implemented, cancel changes, read the audit log.",
    Role.IMPLEMENTER: "Start approved changes.",
    Role.AUDITOR: "Read everything, the audit log too. You change nothing.",
    Role.ADMINISTRATOR: "Keep people, groups and sources, read the audit log. You are exempt from no rule.",
}
_SAID: Final = {
    "user.signed_in": ("signed in", "ok"),
    "user.signed_out": ("signed out", "idle"),
    "user.sign_in_failed": ("somebody failed to sign in with your name", "warn"),
}


@dataclass(frozen=True, slots=True)
class RoleShown:
    """A role and what it lets one do."""

    label: str
    may: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """One event of the account."""

    at: datetime
    text: str
    tone: str
    ip: str
    origin: str


def roles_shown(person: Person) -> list[RoleShown]:
    """The person's roles; groups that are no roles carry no right and are left out."""
    return [RoleShown(role.label, _MAY[role]) for role in Role if role in person.roles]


def recent_sign_ins(user_id: int) -> list[SignIn]:
    """The account's latest sign-ins, sign-outs and failed attempts, newest first; one query."""
    events = Event.objects.filter(object_type="user", object_id=str(user_id), action__in=list(_SAID)).defer("body")
    return [
        SignIn(event.at, *_SAID[event.action], ip=visible(event.ip), origin=event.origin)
        for event in events.order_by("-id")[:EVENTS_SHOWN]
    ]
