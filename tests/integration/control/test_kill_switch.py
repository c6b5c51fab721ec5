"""The kill switch: who engages it, who releases it, what it stops, and what goes on."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.run_states import DeviceRunState
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import KillSwitch
from changes.services.dispatch import dispatch_once
from changes.services.execution import change_start, claimable_device_runs, run_advance
from changes.services.kill_switch import kill_switch_engage, kill_switch_engaged, kill_switch_release
from changes.services.run_orders import run_resume
from devices.services.claims import claimable
from tests import factories
from tests.factories import Cast, DeviceFactory, PersonFactory, actor
from tests.integration.control.conftest import again, started, taken

S = DeviceRunState


def refused(action: str) -> Event:
    return Event.objects.filter(object_type="kill_switch", action=action).latest("id")


def test_it_is_engaged_by_one_and_released_by_another(cast: Cast) -> None:
    kill_switch_engage(actor=actor(cast.manager), reason="Devices reload.")
    found = kill_switch_engaged()
    assert found
    assert (found.engaged_by, found.reason) == (cast.manager, "Devices reload.")
    with pytest.raises(PolicyDeniedError) as own:
        kill_switch_release(actor=actor(cast.manager), reason="It was nothing.")
    assert own.value.code == "GATE_SELF_APPROVAL"
    assert refused("kill_switch.release_refused").actor_name == "manager"
    admin = PersonFactory.create(username="admin", roles=["administrator"])
    kill_switch_release(actor=actor(admin), reason="The template is repaired.")
    assert kill_switch_engaged() is None
    row = KillSwitch.objects.get()
    assert (row.released_by, row.release_reason) == (admin, "The template is repaired.")
    with pytest.raises(ConflictError):
        kill_switch_release(actor=actor(admin), reason="Again.")


@pytest.mark.parametrize("who", ["author", "implementer", "manager", "peer", "auditor", "superuser", "outsider"])
def test_who_may_engage_and_who_may_not(cast: Cast, who: str) -> None:
    if who in {"author", "implementer", "manager"}:
        kill_switch_engage(actor=actor(getattr(cast, who)), reason="Stop.")
        with pytest.raises(ConflictError, match="engaged already"):
            kill_switch_engage(actor=actor(cast.manager), reason="Stop.")
        return
    with pytest.raises(PolicyDeniedError):
        kill_switch_engage(actor=actor(getattr(cast, who)), reason="Stop.")
    assert refused("kill_switch.engage_refused").code == "GATE_ROLE_DENIED"
    kill_switch_engage(actor=actor(cast.manager), reason="Stop.")
    with pytest.raises(PolicyDeniedError):
        kill_switch_release(actor=actor(getattr(cast, who)), reason="Go.")
    assert kill_switch_engaged()


def test_both_need_a_reason(cast: Cast) -> None:
    with pytest.raises(InvalidInputError):
        kill_switch_engage(actor=actor(cast.implementer), reason=" ")
    kill_switch_engage(actor=actor(cast.implementer), reason="Stop.")
    with pytest.raises(InvalidInputError):
        kill_switch_release(actor=actor(cast.manager), reason="")


def test_the_database_keeps_it_to_one_row_and_two_people(cast: Cast) -> None:
    kill_switch_engage(actor=actor(cast.implementer), reason="Stop.")
    with pytest.raises(IntegrityError, match="kill_switch_engaged_once"), transaction.atomic():
        KillSwitch.objects.create(engaged_by=cast.manager, reason="Too.")
    with pytest.raises(IntegrityError, match="second_person"), transaction.atomic():
        KillSwitch.objects.update(released_by=cast.implementer, released_at=Now(), release_reason="Go.")


def test_the_database_lets_it_be_engaged_by_nobody_without_an_event(cast: Cast) -> None:
    def unrecorded() -> None:
        KillSwitch.objects.create(engaged_by=cast.manager, reason="Stop.")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="audit"), transaction.atomic():
        unrecorded()


def test_while_it_is_engaged_nothing_begins_and_runs_are_paused(cast: Cast) -> None:
    run = started(cast, 2)
    change = factories.approved(cast, [DeviceFactory.create()])
    kill_switch_engage(actor=actor(cast.implementer), reason="Devices reload.")
    assert not claimable(claimable_device_runs(run.pk)).exists()
    with pytest.raises(ConflictError, match="Devices reload"):
        change_start(change_id=change.pk, implementer=actor(cast.implementer))
    dispatch_once()
    run = again(run)
    assert (run.state, run.code, run.change.state) == ("paused", "KILL_SWITCH_ENGAGED", "paused")
    with pytest.raises(ConflictError) as still:
        run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    assert still.value.code == "KILL_SWITCH_ENGAGED"
    kill_switch_release(actor=actor(cast.manager), reason="Found it.")
    dispatch_once()
    assert again(run).state == "paused", "releasing must start nothing"
    run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    assert claimable(claimable_device_runs(run.pk)).count() == 2


def test_a_device_that_must_be_read_back_is_read_back_all_the_same(cast: Cast) -> None:
    run = started(cast, 1)
    journal = taken(run.device_runs.get())
    for state in (S.CONNECTING, S.CHECKING, S.SNAPSHOTTING, S.APPLYING):
        with journal.step(state):
            pass
    kill_switch_engage(actor=actor(cast.implementer), reason="Stop.")
    run_advance(run.pk)
    journal.hand_back(S.RECONCILING, wait_s=0)
    assert claimable(claimable_device_runs(run.pk)).exists()
