"""The settings that a process starts with: an event when they are not those of the last start, and no secret in it."""

from __future__ import annotations

import pytest

from audit.models import Event
from portal.configuration import ACTION, configuration_in_force, configuration_record

pytestmark = pytest.mark.django_db

PLANTED = "planted-5ecret-planted-5ecret-planted-5ecret"
ENVIRON = {
    "SECRET_KEY": PLANTED,
    "DATABASE_URL": f"postgresql://app:{PLANTED}@db.example.net/countersign",
    "DATABASE_OWNER_URL": f"postgresql://owner:{PLANTED}@db.example.net/countersign",
    "DATABASE_SEALER_URL": f"postgresql://sealer:{PLANTED}@db.example.net/countersign",
    "NETBOX_URL": "https://netbox.example.net",
    "NETBOX_TOKEN": PLANTED,
    "NETBOX_WEBHOOK_SECRET": PLANTED,
    "MAIL_URL": "smtps://mailer@mail.example.net",
    "MAIL_PASSWORD": PLANTED,
    "COUNTERSIGN_WORKERS": "3",
}


def changed(process: str) -> list[list[str]]:
    events = Event.objects.filter(action=ACTION, object_id=process).order_by("id")
    return [event.content()["details"]["changed"] for event in events]


def test_the_first_start_tells_all_and_the_next_one_nothing() -> None:
    assert configuration_record("web", ENVIRON)
    assert configuration_record("web", ENVIRON) is None
    assert configuration_record("worker", ENVIRON), "each kind of process has an environment of its own"
    [names] = changed("web")
    assert {"workers", "secret_key", "database_url", "netbox.token", "audit.verifiers"} <= set(names)


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("COUNTERSIGN_WORKERS", "4", "workers"),
        ("NETBOX_TOKEN", PLANTED[::-1], "netbox.token"),
        ("MAIL_PASSWORD", PLANTED[::-1], "mail.settings.EMAIL_HOST_PASSWORD"),
        ("DATABASE_URL", "postgresql://app:other@db.example.net/countersign", "database_url"),
    ],
)
def test_what_changed_is_named(name: str, value: str, setting: str) -> None:
    configuration_record("web", ENVIRON)
    assert configuration_record("web", {**ENVIRON, name: value})
    assert changed("web")[-1] == [setting]
    event = Event.objects.filter(action=ACTION).latest("id").content()
    assert event["before"]["digest"] != event["after"]["digest"]


def test_no_secret_is_told() -> None:
    told = configuration_in_force(ENVIRON)
    assert PLANTED not in " ".join(told.values())
    assert told["workers"] == "3"
    assert told["netbox.url"] == "https://netbox.example.net"
    assert told["netbox.token"].startswith("set, ")
    configuration_record("web", ENVIRON)
    assert not any(PLANTED in str(event.content()) for event in Event.objects.all())
