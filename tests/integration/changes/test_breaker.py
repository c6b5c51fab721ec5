"""A wrong password on many devices: the devices themselves count how often it was tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from changes.models import DeviceRun, Run, RunStep
from changes.services.execution import run_devices
from devices.lab.lab import Lab
from devices.lab.site import site_specs
from devices.models import CircuitBreaker, Device, DeviceBackup
from devices.services.backups import backup_start, backup_work
from devices.services.breakers import breaker_reset
from tests.integration.changes.conftest import SETUP, Office, story

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Six access switches."""
    specs = [spec for spec in site_specs(30) if spec.role == "access" and spec.platform == "cisco_ios"][:6]
    with Lab(tmp_path / "lab", specs) as running:
        yield running


def offers(lab: Lab) -> int:
    return sum(len(device.auth_attempts()) for device in lab.devices)


def page_of(run: Run, device_run_id: int) -> str:
    client = Client()
    client.force_login(User.objects.get(username="olivia"))
    return client.get(f"/changes/{run.change_id}/runs/{run.pk}/devices/{device_run_id}/").content.decode()


def states(run_id: int) -> Counter[tuple[str, str]]:
    return Counter(DeviceRun.objects.filter(run=run_id).values_list("state", "code"))


def test_a_wrong_password_is_tried_three_times_in_all_and_the_other_devices_wait(
    office: Office, tmp_path: Path, settings: Settings
) -> None:
    run = office.started(office.approved(content="ntp server 10.0.0.123\n"))
    file = tmp_path / "credentials.yaml"
    right = file.read_text()
    file.write_text(right.replace(office.lab.password, "outdated"))
    CircuitBreaker.objects.all().delete()  # as after a night without work: nothing proves the credential any more
    before = offers(office.lab)

    run_devices(run.pk)
    assert offers(office.lab) - before == 3, story(run)
    assert states(run.pk) == {("failed", "PRECHECK_AUTH_FAILED"): 3, ("pending", "BREAKER_OPEN"): 3}, story(run)
    waiting = RunStep.objects.filter(device_run__run=run, code="BREAKER_OPEN").first()
    assert waiting is not None
    assert 0 < waiting.data["breaker"]["wait_s"] <= 60
    assert "3 sign-ins in a row" in waiting.detail
    assert "open: next try in" in page_of(run, waiting.device_run_id)

    file.write_text(right)
    breaker_reset(breaker_id=CircuitBreaker.objects.get(kind="credential").pk, reason="Corrected.", actor=SETUP)
    DeviceRun.objects.filter(run=run).update(not_before=Now())
    run_devices(run.pk)
    assert states(run.pk) == {("failed", "PRECHECK_AUTH_FAILED"): 3, ("succeeded", ""): 3}, story(run)


def test_a_breaker_that_stays_open_ends_the_devices_before_anything_is_written(
    office: Office, tmp_path: Path, settings: Settings
) -> None:
    run = office.started(office.approved(content="ntp server 10.0.0.123\n"))
    settings.COUNTERSIGN_BREAKER_GIVE_UP_S = 0
    file = tmp_path / "credentials.yaml"
    file.write_text(file.read_text().replace(office.lab.password, "outdated"))
    CircuitBreaker.objects.all().delete()
    run_devices(run.pk)
    assert states(run.pk) == {("failed", "PRECHECK_AUTH_FAILED"): 3, ("failed", "BREAKER_OPEN"): 3}, story(run)
    assert not DeviceRun.objects.filter(run=run, lines_sent__gt=0).exists()


def test_what_a_breaker_keeps_from_planning_and_backups_says_when_it_is_tried_again(office: Office) -> None:
    """Neither waits: people look at a plan, and the next backup comes by itself."""
    soon = timezone.now() + timedelta(minutes=5)
    for site in set(Device.objects.values_list("site", flat=True)):
        CircuitBreaker.objects.create(
            kind="site",
            name=site,
            state="open",
            failures=5,
            last_subject="sw1",
            opened_at=timezone.now(),
            open_until=soon,
        )
    revision = office.planned(office.draft(content="ntp server 10.0.0.123\n"))
    plans = set(revision.device_plans.values_list("state", "code"))
    assert (revision.state, plans) == ("failed", {("failed", "BREAKER_OPEN")})
    detail = revision.device_plans.values_list("detail", flat=True)[0]
    assert "This device is not tried before" in detail
    assert detail.endswith("Plan again once the cause is repaired.")
    run = backup_start(filters={}, actor=SETUP)
    backup_work(run.pk)
    rows = list(DeviceBackup.objects.filter(run=run))
    assert {(row.state, row.code) for row in rows} == {("failed", "BREAKER_OPEN")}
    assert "The next backup tries it again" in rows[0].detail
    assert not [entry for device in office.lab.devices for entry in device.log() if entry.get("event") == "auth"]
