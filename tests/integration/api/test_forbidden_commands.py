"""What only shows once a device's lines are rendered, on simulated devices over real SSH."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from changes.models import PlanRevision
from changes.services.planning import plan_devices
from tests.integration.api.conftest import As, refused
from tests.integration.changes.conftest import Office
from tests.integration.changes.conftest import lab as lab  # noqa: PLC0414 - a fixture, used below
from tests.integration.changes.conftest import office as office  # noqa: PLC0414 - a fixture, used below

pytestmark = pytest.mark.lab


def planned(client: APIClient, office: Office, content: str) -> int:
    """Ask for a plan of this content through the API and let a worker's code build it."""
    change = office.draft(content=content, targets={"filter": {"name": "fra-acc-01"}})
    assert client.post(f"/api/v1/changes/{change.pk}/plan/").status_code == 202
    plan_devices(PlanRevision.objects.latest("id").pk)
    return change.pk


@pytest.mark.parametrize("line", ["rel in 5", "delete flash:config.text"])
def test_a_forbidden_command_fails_its_device_with_a_sentence_and_cannot_be_submitted(
    office: Office, as_: As, line: str
) -> None:
    client = as_(User.objects.get(username="olivia"))
    change_id = planned(client, office, f"ntp server 10.0.0.1\n{line}\n")
    body = client.get(f"/api/v1/changes/{change_id}/plan/").json()
    assert (body["state"], body["code"], body["digest"]) == ("failed", "COMMAND_FORBIDDEN", "")
    assert body["reason"]["next_step"] == "Take the line out of the content, then plan again."
    [device] = body["devices"]
    assert (device["state"], device["code"], device["commands"]) == ("failed", "COMMAND_FORBIDDEN", [])
    assert " ".join(line.split()[:2]) in device["detail"], "the rest of a line may hold a secret"
    refused(client.post(f"/api/v1/changes/{change_id}/submit/"), 409, "PLAN_MISSING")


def test_an_allowed_change_is_planned_and_read(office: Office, as_: As) -> None:
    client = as_(User.objects.get(username="olivia"))
    change_id = planned(client, office, "ntp server 10.0.0.123\n")
    body = client.get(f"/api/v1/changes/{change_id}/plan/").json()
    assert body["state"] == "ready", body
    [device] = body["devices"]
    assert device["commands"] == ["ntp server 10.0.0.123"]
    assert "+ntp server 10.0.0.123" in device["diff"]
    assert device["backout"]
