"""An administrator enrols a device's key; a manager asks for an exception that a second person approves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.actor import Actor
from changes.domain.policy import Role
from changes.models import GateException
from devices.drivers.base import DeviceFacts
from devices.models import Device
from devices.services.host_key_alerts import alert_raise
from devices.services.identity import Identity, identity_compared, reading_store
from devices.services.sessions import pinned_keys
from tests.e2e.browsing import DESKTOP, SCREENSHOTS, Person
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, DeviceFactory, PersonFactory, public_key
from tests.integration.lab_fixtures import LabFactory

JUDGED = frozenset({"host-keys-offered", "exception-approved"})


@pytest.mark.parametrize("scripts", [True, False])
def test_keys_are_enrolled_and_exceptions_decided(cast: Cast, comes: Comes, lab: LabFactory, scripts: bool) -> None:
    [switch] = lab(1).devices
    device: Device = DeviceFactory.create(name="fra-dist-01", address=switch.host, port=switch.port, pinned=False)
    alert_raise(device_id=device.pk, key_type="ssh-rsa", public_key=public_key(5), actor=Actor.system("worker"))
    facts = DeviceFacts("other", device.serial, device.model, "15.2", "cisco_xe")
    reading_store(device, identity_compared(Identity.of(device), facts, read_config=str))
    administrator = PersonFactory.create(username="adam", roles=[Role.ADMINISTRATOR])

    adam = comes(administrator, scripts=scripts)
    assert "Host key alerts" in adam.page.inner_text("main")
    _looks(adam, "inbox-alerts", scripts)
    adam.goes(f"/devices/{device.pk}/")
    adam.clicks("link", "Enrol host keys")
    adam.clicks("button", "Read the device\u2019s key")
    shown = device.offered_keys.get().fingerprint
    assert shown in adam.page.inner_text("main")
    _looks(adam, "host-keys-offered", scripts)
    adam.page.get_by_text("Confirm this key").click()
    adam.clicks("button", "It is: pin it")
    assert pinned_keys(device) == (switch.host_key,)
    adam.page.get_by_text("Acknowledge", exact=True).first.click()
    adam.page.get_by_label("Reason").first.fill("The old supervisor was taken out.")
    adam.page.get_by_role("button", name="Acknowledge").click()
    assert "The old supervisor was taken out." in adam.page.inner_text("main")
    _looks(adam, "host-keys-pinned", scripts)
    for path, name in (
        ("/devices/reconciliation/?verdict=differs", "reconciliation"),
        ("/devices/trust/", "trust"),
        ("/devices/trust/edit/?source=lab&field=site", "trust-edit"),
        ("/devices/host-keys/import/", "import"),
        ("/devices/host-keys/alerts/", "alerts"),
        (f"/devices/{device.pk}/", "device"),
    ):
        adam.goes(path)
        _looks(adam, name, scripts)

    maria = comes(cast.manager, scripts=scripts)
    maria.goes("/exceptions/new/")
    maria.page.get_by_label("What it lets through").select_option("health:PRECHECK_STATE_UNHEALTHY")
    maria.page.get_by_label("Devices", exact=True).fill("fra-dist-01")
    ends = timezone.now() + timedelta(days=2)
    maria.page.get_by_label("Ends at (UTC)").fill(ends.strftime("%Y-%m-%dT%H:%M"))
    maria.page.locator("#id_reason").fill("A report keeps the CPU busy.")
    _looks(maria, "exception-new", scripts, typed=True)
    maria.clicks("button", "Request it")
    assert "You requested this exception" in maria.page.inner_text("main")
    _looks(maria, "exception-own", scripts)

    ana = comes(cast.approver, scripts=scripts)
    assert "Exceptions to decide" in ana.page.inner_text("main")
    ana.page.get_by_role("link", name="EXC-").first.click()
    ana.page.get_by_label("Comment").fill("Agreed until then.")
    ana.clicks("button", "Approve", exact=True)
    assert "Agreed until then." in ana.page.inner_text("main")
    found = GateException.objects.active().get()
    assert found.decided_by == cast.approver
    _looks(ana, "exception-approved", scripts)
    ana.goes("/exceptions/")
    _looks(ana, "exceptions", scripts)
    assert [*adam.complaints, *maria.complaints, *ana.complaints] == []


def _looks(person: Person, name: str, scripts: bool, *, typed: bool = False) -> None:
    """Judge the looks of the pages that differ most; with a folder for pictures, of all. The others fit a phone."""
    if scripts and (name in JUDGED or SCREENSHOTS):
        person.looks(name, typed=typed)
    elif not scripts:
        person.page.set_viewport_size({"width": 360, "height": 900})
        person.checks()
        person.page.set_viewport_size(DESKTOP)
