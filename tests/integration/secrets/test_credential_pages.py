"""The page and the API of credentials: who sees them, what they tell, and that no value is among it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Event
from devices.credentials import Retrieved
from devices.domain.occasions import UNDECLARED, Occasion, OccasionKind
from devices.drivers.base import Credential
from devices.errors import SecretScopeDeniedError
from devices.models import CredentialUse, Device
from devices.services.credential_uses import (
    credential_use_record,
    credential_uses_report,
    credential_uses_settle,
)
from tests.factories import PersonFactory

pytestmark = pytest.mark.django_db
SECRET = "N3verOnAnyPage"
RUN = Occasion(OccasionKind.RUN, 7, change_id=3)


@pytest.fixture
def devices() -> list[Device]:
    rows = [
        Device(source="t", source_key=f"d{number}", name=f"sw{number}", credential="core", synced_at=timezone.now())
        for number in range(3)
    ]
    return Device.objects.bulk_create(rows)


def use(
    device: Device, occasion: Occasion = RUN, *, purpose: str = "write", name: str = "core", **more: object
) -> None:
    age = timedelta(days=int(str(more.pop("age_days", 40))))
    found = Retrieved(Credential("netops", SECRET), "vault", version="4", changed_at=timezone.now() - age)
    error = more.pop("error", None)
    credential_use_record(
        device=device,
        name=name,
        purpose=purpose,
        occasion=occasion,
        retrieved=None if error else found,
        error=error,  # type: ignore[arg-type]
    )


@pytest.fixture
def client_of() -> Callable[[str], Client]:
    def make(role: str) -> Client:
        user = PersonFactory.create(username=f"person-{role}", roles=[role])
        client = Client()
        client.force_login(user)
        return client

    return make


def events(action: str) -> list[Event]:
    return list(Event.objects.filter(action=action, object_id="core").order_by("pk"))


def details(event: Event) -> dict[str, object]:
    return dict(json.loads(event.body)["details"])


@pytest.fixture
def rules(settings: SimpleNamespace, tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "max_age_days: 30\ncredentials:\n  core: {purposes: [write], sites: [FRA]}\n  young: {max_age_days: 90}\n"
        "rules:\n  - {sites: [FRA], read: core-ro, write: core}\n"
    )
    settings.DEVICE_CREDENTIAL_RULES = str(path)
    return path


@pytest.mark.parametrize("role", ["administrator", "auditor"])
def test_the_page_tells_names_scopes_uses_and_ages(
    client_of: Callable[[str], Client], devices: list[Device], rules: Path, role: str
) -> None:
    use(devices[0])
    use(devices[1], name="young", purpose="write")
    page = client_of(role).get("/credentials/").content.decode()
    assert "core-ro" in page
    assert "sites FRA" in page
    assert page.count("overdue</span>") == 1
    assert page.count("in time</span>") == 1
    assert "version 4" in page
    assert SECRET not in page


@pytest.mark.parametrize("role", ["requester", "change-manager", "implementer"])
def test_others_are_refused_on_the_page_and_in_the_api(client_of: Callable[[str], Client], role: str) -> None:
    client = client_of(role)
    for path in ("/credentials/", "/credentials/core/", "/api/v1/credentials/"):
        assert client.get(path).status_code == 403, path


def test_the_api_tells_the_same(client_of: Callable[[str], Client], devices: list[Device], rules: Path) -> None:
    use(devices[0])
    client = client_of("auditor")
    answer = client.get("/api/v1/credentials/").json()
    [core] = [found for found in answer["results"] if found["name"] == "core"]
    assert core["overdue"] is True
    assert core["age_days"] == 40
    assert core["last_write"]["device"] == devices[0].pk
    assert core["last_read"] is None
    assert core["device_count"] == 3
    assert client.get("/api/v1/credentials/?x=1").status_code == 400


def test_rules_that_cannot_be_used_are_told(client_of: Callable[[str], Client], rules: Path) -> None:
    rules.write_text("rules: [{reed: core}]\n")
    page = client_of("administrator").get("/credentials/").content.decode()
    assert "“reed” is not known" in page


def test_a_credential_has_a_page_of_its_uses(client_of: Callable[[str], Client], devices: list[Device]) -> None:
    for device in devices:
        use(device)
    use(devices[0], error=SecretScopeDeniedError("No."), purpose="read", occasion=Occasion(OccasionKind.PLAN, 9))
    client = client_of("auditor")
    page = client.get("/credentials/core/").content.decode()
    assert page.count("delivered") == 3
    assert "SECRET_SCOPE_DENIED" in page
    assert client.get("/credentials/nobody/").status_code == 404
    assert client.get("/credentials/core/?before=x").status_code == 400


def test_the_list_costs_the_same_however_many_uses_there_are(
    client_of: Callable[[str], Client], devices: list[Device], django_assert_num_queries: Callable[..., object]
) -> None:
    from devices.services.credential_overview import credential_overview

    for number in range(3):
        for device in devices:
            use(device, Occasion(OccasionKind.RUN, number + 1))
            use(device, Occasion(OccasionKind.PLAN, number + 1), purpose="read")
    with django_assert_num_queries(4):  # type: ignore[attr-defined]
        credential_overview()


def test_a_run_over_many_devices_is_one_event(devices: list[Device]) -> None:
    for _again in range(2):
        for device in devices:
            use(device)
    assert not events("credential.used")
    assert credential_uses_report(RUN) == 1
    [event] = events("credential.used")
    assert (details(event)["uses"], details(event)["devices"]) == (6, 3)
    assert event.change_id == 3
    assert credential_uses_report(RUN) == 0, "what was reported is not reported again"
    use(devices[0])
    credential_uses_report(RUN)
    assert [details(event)["uses"] for event in events("credential.used")] == [6, 1]


def test_work_that_went_quiet_is_reported_and_old_uses_are_forgotten(devices: list[Device]) -> None:
    use(devices[0])
    assert credential_uses_settle() == 0
    CredentialUse.objects.update(last_at=timezone.now() - timedelta(minutes=11))
    assert credential_uses_settle() == 1
    CredentialUse.objects.update(last_at=timezone.now() - timedelta(days=181))
    credential_uses_settle()
    assert not CredentialUse.objects.exists()


@pytest.mark.parametrize(
    ("occasion", "purpose"), [(UNDECLARED, "read"), (Occasion(OccasionKind.PLAN, 1), "write"), (UNDECLARED, "write")]
)
def test_a_use_out_of_place_is_audited_at_once_and_a_loop_is_one_event(
    devices: list[Device], occasion: Occasion, purpose: str
) -> None:
    for device in devices:
        use(device, occasion, purpose=purpose)
    [event] = events("credential.used_out_of_place")
    assert details(event)["purpose"] == purpose
    assert SECRET not in str(event.body)


def test_refusals_are_counted_apart(devices: list[Device]) -> None:
    use(devices[0])
    use(devices[0], error=SecretScopeDeniedError("No."))
    assert credential_uses_report(RUN) == 2
    [event] = events("credential.refused")
    assert event.code == "SECRET_SCOPE_DENIED"
