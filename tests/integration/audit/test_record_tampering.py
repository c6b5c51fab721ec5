"""Void decisions, comments and configurations that were changed by who can do all, and what `audit_verify` says."""

from __future__ import annotations

import zlib

import pytest

from audit.models import Event
from changes.models import Approval
from changes.services.requests import change_withdraw
from devices.models import ConfigBlob
from tests.factories import Cast, DeviceFactory, actor, carried_out, started
from tests.forging import forge
from tests.integration.approvals.office import decide, in_review
from tests.integration.audit.test_tampering import audit_verify, first_thing_wrong, undone
from tests.integration.sealing_fixtures import Seal

pytestmark = pytest.mark.django_db


def test_a_void_decision_that_counts_again_is_named(seal: Seal) -> None:
    cast = Cast.create()
    change = in_review(cast.author, DeviceFactory.create_batch(1))
    given = decide(change, cast.peer)
    change_withdraw(change_id=change.pk, requester=actor(cast.author))
    seal()
    told = Event.objects.get(action="approval.voided")
    assert (told.object_id, told.content()["details"]["void_cause"]) == (str(given.pk), "returned")
    assert "void decisions 1, comments 1" in audit_verify()
    forgeries = {
        "voided_at = NULL, void_cause = ''": f"The decision {given.pk} counts again, but event {told.pk} made it void",
        "void_cause = 'lapsed'": f"The decision {given.pk} is void for another reason than event {told.pk} says",
        "comment = 'Never seen.'": f"The comment of the decision {given.pk} is not the one that event",
    }
    for change_it, said in forgeries.items():
        with undone():
            forge(f"UPDATE changes_approval SET {change_it} WHERE id = {given.pk}")  # noqa: S608 - the forgeries
            assert said in first_thing_wrong()


def test_a_decision_that_was_made_void_in_silence_is_named(seal: Seal) -> None:
    cast = Cast.create()
    first, second = (in_review(cast.author, DeviceFactory.create_batch(1)) for _ in range(2))
    decide(first, cast.peer)
    kept = decide(second, cast.peer)
    change_withdraw(change_id=first.pk, requester=actor(cast.author))
    seal()
    with undone():
        later = "voided_at = clock_timestamp() + interval '1 s', void_cause = 'policy'"
        forge(f"UPDATE changes_approval SET {later} WHERE id = {kept.pk}")  # noqa: S608 - the forgery
        assert f"The decision {kept.pk} was made void without an event that says so." in first_thing_wrong()
    assert Approval.objects.get(pk=kept.pk).voided_at is None


def test_a_kept_configuration_that_was_changed_or_exchanged_is_named(seal: Seal) -> None:
    row = carried_out(started(Cast.create(), DeviceFactory.create_batch(1))).device_runs.get()
    seal()
    told = Event.objects.get(action="device_run.ended").content()["details"]
    assert row.before is not None
    assert row.after is not None
    assert (told["config_before_sha256"], told["config_after_sha256"]) == (row.before.blob_id, row.after.blob_id)
    assert "configurations 2" in audit_verify()
    with undone():
        forge(f"UPDATE changes_devicerun SET before_id = after_id WHERE id = {row.pk}")  # noqa: S608 - the forgery
        assert f"The configuration before of the device run {row.pk} is not the one that event" in first_thing_wrong()
    with undone():
        ConfigBlob.objects.filter(pk=row.before.blob_id).update(compressed=zlib.compress(b"hostname innocent\n"))
        assert f"The text of the configuration {row.before.blob_id[:12]}" in first_thing_wrong()
