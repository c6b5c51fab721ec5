"""Changes in several states, so that a newcomer's inboxes and lists are not empty. All of it really happens.

It goes on in the background while the demo already serves pages: workers plan and execute, the demo's people decide.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from django.contrib.auth.models import User
from django.db import connection

from audit.actor import Actor, Origin
from changes.domain.run_states import RunState
from changes.domain.states import PlanState
from changes.models import ChangeRequest, PlanRevision, Run
from changes.services.approvals import change_approve, change_assess, change_reject, plan_open
from changes.services.execution import change_start
from changes.services.planning import plan_request
from changes.services.requests import change_create, change_submit
from changes.services.review import change_close
from portal.demo.calendar import calendar_fill, schedule_freely

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.3
PATIENCE_S: Final = 120
_DISTRIBUTION: Final = {"filter": {"role": ["distribution"]}}
_MUNICH: Final = {"filter": {"site": ["MUC"]}}

CONTACT: Final[dict[str, object]] = {
    "title": "Name the new on-call contact on the distribution switches",
    "reason": "The on-call rota moved to the network operations centre.",
    "content": "snmp-server contact {{ contact }}\n",
    "variables": {"contact": "network-on-call@example.net"},
    "targets": _DISTRIBUTION,
}
PARTNER: Final[dict[str, object]] = {
    "title": "Let the partner's monitoring read the distribution switches",
    "reason": "The partner asks for read access by SNMP.",
    "content": "snmp-server community partner-read RO\n",
    "targets": _DISTRIBUTION,
}
TIMESTAMPS: Final[dict[str, object]] = {
    "title": "Write the year into the log lines of the distribution switches",
    "reason": "Archived log lines of last December and of this one look the same.",
    "content": "service timestamps log datetime msec localtime show-timezone year\n",
    "targets": _DISTRIBUTION,
}
LOCATION: Final[dict[str, object]] = {
    "title": "Name the hall in which the distribution switches stand",
    "reason": "Technicians looked for them in the wrong hall last month.",
    "content": "snmp-server location Frankfurt, hall 2\n",
    "targets": _DISTRIBUTION,
}
NAME_SERVER: Final[dict[str, object]] = {
    "title": "Add the second name server in Munich",
    "reason": "Munich lost name resolution while 10.20.0.53 was being patched.",
    "content": "ip name-server 10.20.0.54\n",
    "targets": _MUNICH,
}


class _StoppedError(Exception):
    """The demo ends, or a step takes too long."""


def history_begin(stopping: threading.Event) -> threading.Thread | None:
    """Let the history happen in a thread of its own, once: not where more than the first draft is there already.

    It gives up when ``stopping`` is set. Failures are logged.
    """
    if ChangeRequest.objects.count() > 1:
        return None
    thread = threading.Thread(target=_happen, args=(stopping,), name="history", daemon=True)
    thread.start()
    return thread


def _happen(stopping: threading.Event) -> None:
    try:
        _History(stopping).happen()
    except _StoppedError:
        pass
    except Exception:  # the outermost frame of a thread that only decorates: the demo goes on without it
        if not stopping.is_set():
            logger.exception("The demo's history ended early")
    finally:
        connection.close()


class _History:
    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        people = User.objects.filter(username__in=["olivia", "pete", "ana", "maria"])
        self._people = {
            person.username: Actor(user_id=person.pk, username=person.username, origin=Origin.COMMAND)
            for person in people
        }

    def happen(self) -> None:
        """One change closed, one rejected, one before the CAB, one before a peer, one scheduled."""
        closed = self._assessed(CONTACT)
        change_approve(change_id=closed.change_id, approver=self._opened(closed, "ana"), plan_digest=closed.digest)
        run = change_start(change_id=closed.change_id, implementer=self._people["olivia"])
        self._until(lambda: Run.objects.filter(pk=run.pk, state=RunState.ENDED).exists())
        change_close(change_id=closed.change_id, manager=self._people["maria"], close_code="successful")
        calendar_fill(self._people["maria"])
        partner = self._assessed(PARTNER)
        change_reject(
            change_id=partner.change_id,
            approver=self._opened(partner, "ana"),
            plan_digest=partner.digest,
            comment="A community without an access list answers to everybody. Add one that names the partner's hosts.",
        )
        self._assessed(TIMESTAMPS)
        self._submitted(NAME_SERVER)
        approved = self._assessed(LOCATION)
        change_approve(
            change_id=approved.change_id, approver=self._opened(approved, "ana"), plan_digest=approved.digest
        )
        schedule_freely(ChangeRequest.objects.get(pk=approved.change_id), self._people["olivia"])

    def _submitted(self, data: dict[str, object]) -> PlanRevision:
        olivia = self._people["olivia"]
        change: ChangeRequest = change_create(data=data, author=olivia)
        revision = plan_request(change_id=change.pk, actor=olivia)
        self._until(lambda: not PlanRevision.objects.filter(pk=revision.pk, state=PlanState.BUILDING).exists())
        revision.refresh_from_db()
        change_submit(change_id=change.pk, requester=olivia)
        return revision

    def _assessed(self, data: dict[str, object]) -> PlanRevision:
        revision = self._submitted(data)
        change_assess(
            change_id=revision.change_id, approver=self._opened(revision, "pete"), plan_digest=revision.digest
        )
        return revision

    def _opened(self, revision: PlanRevision, name: str) -> Actor:
        plan_open(revision=revision, actor=self._people[name])
        return self._people[name]

    def _until(self, condition: Callable[[], bool]) -> None:
        for _ in range(int(PATIENCE_S / LOOK_EVERY_S)):
            if condition():
                return
            if self._stopping.wait(LOOK_EVERY_S):
                break
        raise _StoppedError
