"""A change does not become an emergency to start at once, nor stop being one to go without its review."""

import pytest
from django.db import DatabaseError, transaction

from changes.errors import PlanIntegrityError
from changes.models import ChangeRequest, Run
from changes.services.execution import change_start
from changes.services.requests import change_submit
from devices.models import Device
from tests.factories import Cast, actor, approved, draft, ready_plan

pytestmark = pytest.mark.django_db


def test_an_approved_change_whose_row_becomes_an_emergency_does_not_start(cast: Cast, devices: list[Device]) -> None:
    change = approved(cast, devices)
    ChangeRequest.objects.filter(pk=change.pk).update(type="emergency")
    with pytest.raises(PlanIntegrityError, match="stage ECAB is new") as refusal:
        change_start(change_id=change.pk, implementer=actor(cast.implementer))
    assert refusal.value.code == "POLICY_ASKS_MORE"
    assert not Run.objects.exists()


def test_what_was_submitted_as_an_emergency_stays_one(cast: Cast, devices: list[Device]) -> None:
    change = draft(cast.author, type="emergency", called_by="NOC", emergency_reason="The site is down.")
    ready_plan(change, devices)
    change_submit(change_id=change.pk, requester=actor(cast.author))
    for kind in ("normal", "standard"):
        with pytest.raises(DatabaseError, match="stays one"), transaction.atomic():
            ChangeRequest.objects.filter(pk=change.pk).update(type=kind)
