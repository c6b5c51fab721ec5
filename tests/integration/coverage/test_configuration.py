"""The settings that a process starts with: an event when they are not those of the last start, and no secret in it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from audit.models import Event
from portal.configuration import ACTION, configuration_in_force, configuration_record
from portal.environment import SettingError

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


def test_two_hosts_with_settings_of_their_own_do_not_take_turns_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    def starts(host: str, workers: str) -> int | None:
        monkeypatch.setattr(socket, "gethostname", lambda: host)
        return configuration_record("worker", {**ENVIRON, "COUNTERSIGN_WORKERS": workers})

    assert starts("small", "2")
    assert starts("large", "8")
    assert [starts("small", "2"), starts("large", "8"), starts("small", "2")] == [None, None, None]
    assert starts("new", "8") == starts("new", "8") is None, "a further host like the last that told"
    assert starts("large", "2"), "the same as on the other host, and a change on this one"
    assert changed("worker")[-1] == ["workers"]
    hosts = [event.content()["details"]["host"] for event in Event.objects.filter(action=ACTION).order_by("id")]
    assert hosts == ["small", "large", "large"]


def test_a_file_that_says_who_is_believed_is_told_by_its_digest(tmp_path: Path) -> None:
    keys = tmp_path / "verifiers"
    keys.write_text("change.example.net/audit+33de0a29+AbC\n")
    environ = {**ENVIRON, "AUDIT_VERIFIERS": str(keys)}
    configuration_record("web", environ)
    keys.write_text(keys.read_text() + "change.example.net/audit+00000000+AbC\n")
    assert configuration_record("web", environ), "somebody has added a key"
    assert changed("web")[-1] == ["audit.verifiers (content)"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [("breaker_credential_failures", "3"), ("pin_workers", "False"), ("vault.token_file", "/run/token")],
)
def test_what_sounds_like_a_secret_and_is_none_is_told(setting: str, told: str) -> None:
    assert configuration_in_force({**ENVIRON, "VAULT_TOKEN_FILE": "/run/token"})[setting] == told


@pytest.mark.parametrize("address", [f"//{PLANTED}@mail.example.net", f"//user/{PLANTED}@mail.example.net"])
def test_an_address_with_a_user_or_a_token_is_not_told(address: str) -> None:
    assert configuration_in_force({**ENVIRON, "MAIL_FROM": address})["mail.sender"].startswith("set, ")


def test_a_setting_that_is_refused_is_not_repeated_where_it_may_hold_a_password() -> None:
    with pytest.raises(SettingError) as refused:
        configuration_in_force({**ENVIRON, "DEVICE_CREDENTIALS": f"vault:https://u:{PLANTED}@vault.example.net/x"})
    assert PLANTED not in str(refused.value)
