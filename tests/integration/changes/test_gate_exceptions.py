"""The second person: by the service, by the API, and by the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import GateException
from changes.services.gate_exceptions import (
    exception_approve,
    exception_reject,
    exception_request,
    exception_revoke,
)
from devices.models import Device
from tests.factories import Cast, DeviceFactory, actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return Cast.create()


@pytest.fixture
def device() -> Device:
    device: Device = DeviceFactory.create()
    return device


def asked(device: Device, **changes: object) -> dict[str, Any]:
    return {
        "gate": "health",
        "code": "PRECHECK_STATE_UNHEALTHY",
        "device_ids": [device.pk],
        "reason": "A report keeps the CPU busy until tonight.",
        "expires_at": timezone.now() + timedelta(hours=1),
        **changes,
    }


def test_who_asked_cannot_decide_and_somebody_else_can(cast: Cast, device: Device) -> None:
    found = exception_request(data=asked(device), requester=actor(cast.manager))
    with pytest.raises(PolicyDeniedError) as refused:
        exception_approve(exception_id=found.pk, approver=actor(cast.manager))
    assert refused.value.code == "GATE_SELF_APPROVAL"
    assert not GateException.objects.active().exists()
    exception_approve(exception_id=found.pk, approver=actor(cast.approver), comment="Agreed.")
    assert GateException.objects.active().get() == found
    actions = Event.objects.filter(object_type="gate_exception", object_id=str(found.pk)).values_list(
        "action", flat=True
    )
    assert list(actions.order_by("id")) == ["gate_exception.requested", "gate_exception.approved"]
    with pytest.raises(ConflictError):
        exception_reject(exception_id=found.pk, approver=actor(cast.second_approver), comment="No.")


def test_a_superuser_without_the_role_is_refused(cast: Cast, device: Device) -> None:
    found = exception_request(data=asked(device), requester=actor(cast.author))
    with pytest.raises(PolicyDeniedError, match="superuser does not replace"):
        exception_approve(exception_id=found.pk, approver=actor(cast.superuser))


def test_a_revoked_exception_lets_nothing_through(cast: Cast, device: Device) -> None:
    found = exception_request(data=asked(device), requester=actor(cast.author))
    exception_approve(exception_id=found.pk, approver=actor(cast.manager))
    with pytest.raises(InvalidInputError):
        exception_revoke(exception_id=found.pk, actor=actor(cast.author), reason=" ")
    exception_revoke(exception_id=found.pk, actor=actor(cast.author), reason="The report is done.")
    assert not GateException.objects.active().exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"gate": "session", "code": "IDENTITY_HOST_KEY_MISMATCH"}, "gate"),
        ({"code": "IDENTITY_HOST_KEY_MISMATCH"}, "code"),
        ({"code": "PLAN_HASH_MISMATCH"}, "code"),
        ({"device_ids": []}, "device_ids"),
        ({"device_ids": [999999]}, "device_ids"),
        ({"sites": ["FRA"]}, "device_ids"),
        ({"device_ids": [], "sites": ["NOWHERE"]}, "sites"),
        ({"reason": "  "}, "reason"),
        ({"expires_at": "2020-01-01T00:00:00+00:00"}, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00+00:00"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"devices": []}, "devices"),
    ],
)
def test_bad_requests_are_refused_by_field(cast: Cast, device: Device, changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        exception_request(data=asked(device, **changes), requester=actor(cast.author))
    assert field in refused.value.fields
    assert not GateException.objects.exists()


def test_the_api_refuses_the_own_exception_and_takes_the_second_person(cast: Cast, device: Device) -> None:
    manager, approver = APIClient(), APIClient()
    manager.force_authenticate(cast.manager)
    approver.force_authenticate(cast.approver)
    body = {**asked(device), "expires_at": (timezone.now() + timedelta(hours=1)).isoformat()}
    made = manager.post("/api/v1/exceptions/", body, format="json")
    assert (made.status_code, made.json()["state"]) == (201, "requested")
    url = f"/api/v1/exceptions/{made.json()['id']}/"
    refused = manager.post(f"{url}approve/", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "GATE_SELF_APPROVAL")
    assert approver.post(f"{url}approve/", {"reason": "x"}, format="json").status_code == 400
    granted = approver.post(f"{url}approve/", {"comment": "Agreed."}, format="json")
    assert (granted.status_code, granted.json()["decided_by"]) == (200, "approver")
    again = approver.post(f"{url}reject/", {"comment": "No."}, format="json")
    assert again.status_code == 409


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changes_gateexception SET state = 'approved', decided_at = now(), decided_by_id = requested_by_id",
        "UPDATE changes_gateexception SET state = 'approved', decided_at = now()",
        "UPDATE changes_gateexception SET code = 'IDENTITY_HOST_KEY_MISMATCH'",
        "UPDATE changes_gateexception SET device_ids = '{}', sites = '{FRA}'",
        "UPDATE changes_gateexception SET expires_at = now() + interval '20 days'",
    ],
)
def test_the_database_refuses_it_too(cast: Cast, device: Device, statement: str) -> None:
    exception_request(data=asked(device), requester=actor(cast.manager))
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_wants_an_event_for_each_decision(cast: Cast, device: Device) -> None:
    found = exception_request(data=asked(device), requester=actor(cast.manager))
    connection.check_constraints()  # what was done so far is complete

    def approve_by_hand() -> None:
        decided = {"state": "approved", "decided_by": cast.approver, "decided_at": timezone.now()}
        GateException.objects.filter(pk=found.pk).update(**decided)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match="no audit event"), transaction.atomic():
        approve_by_hand()
