"""Commands of the shell: what they change is told, by whom and why."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from audit.models import Event
from audit.recorder import record
from devices.models import Device
from tests.factories import PASSWORD, TESTER, DeviceFactory, PersonFactory
from tests.integration.changes.conftest import enrol
from tests.integration.coverage.noting import Notes
from tests.integration.coverage.walking import WHY
from tests.integration.lab_fixtures import LAB_PASSWORD, LabFactory, small_device

WALKED: Final = frozenset({
    "audit_archive", "audit_export", "audit_key", "audit_retrieval_test", "audit_sealer", "audit_verify",
    "changepassword", "clearsessions", "config_backup",
    "createsuperuser", "devices_sync", "evidence_pack", "person",
})  # fmt: skip
"""Commands that a test below calls."""

_OF_DEVELOPERS = "It writes files or prints, and no table."
_OF_PROCESSES = "It starts processes; what they do is walked as tasks and as the dispatcher's jobs."
_OF_OWNERS = "It changes tables themselves, as their owner; migrations that change what matters write their events."
_WORKS_ON_EVERYTHING = (
    "Whatever it writes is held by the database's constraints like everything else: a row that matters without its"
    " event is refused at COMMIT."
)
NOTHING_OF_OURS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "check", "collectstatic", "compilemessages", "diffsettings", "dumpdata", "findstatic", "generateschema",
            "inspectdb", "makemessages", "makemigrations", "optimizemigration", "sendtestemail", "showmigrations",
            "spectacular", "sqlflush", "sqlmigrate", "sqlsequencereset", "squashmigrations", "startapp", "startproject",
            "qinfo", "qmemory", "qmonitor", "lab", "axes_list_attempts",
        ),
        _OF_DEVELOPERS,
    ),
    **dict.fromkeys(("demo", "dispatcher", "qcluster", "runserver", "worker"), _OF_PROCESSES),
    **dict.fromkeys(
        (
            "createcachetable", "database_roles", "demo_reset", "migrate", "remove_stale_contenttypes", "test",
            "testserver",
        ),
        _OF_OWNERS,
    ),
    **dict.fromkeys(("dbshell", "flush", "loaddata", "shell"), _WORKS_ON_EVERYTHING),
    **dict.fromkeys(
        (
            "axes_reset", "axes_reset_failure_logs", "axes_reset_ip", "axes_reset_ip_username", "axes_reset_logs",
            "axes_reset_username",
        ),
        "It forgets counts of wrong passwords, which excused.py lists; the attempts and the locks stay in the log.",
    ),
}  # fmt: skip
"""Commands that the walk does not call, each with its reason."""


def run(notes: Notes, *words: str) -> list[Event]:
    """Run a command; all that it changed is told. Returns its events."""
    notes.forget()
    last = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    call_command(*words, stdout=StringIO(), stderr=StringIO())
    untold, unsaid = notes.untold(), notes.unsaid()
    assert not untold, f"`{' '.join(words)}` changed the database without an event: {'; '.join(untold)}"
    assert not unsaid, f"`{' '.join(words)}`: no event says what was changed: {'; '.join(unsaid)}"
    return list(Event.objects.filter(id__gt=last).order_by("id"))


def by_command(events: list[Event], *actions: str) -> None:
    """These are the actions, and each event came from a command and names who ran it."""
    assert [event.action for event in events] == list(actions)
    assert all(event.origin == "command" and event.actor_name and event.object_id for event in events)


def test_accounts(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    made = run(notes, "person", "olivia", "--create", "--add", "requester", "--reason", WHY)
    by_command(made, "user.created")
    assert made[0].reason == WHY
    by_command(run(notes, "person", "olivia", "--add", "peer", "--deactivate"), "user.access_changed")
    typed: Callable[..., str] = lambda *_, **__: "correct horse battery staple"  # noqa: E731
    monkeypatch.setattr(getpass, "getpass", typed)
    changed = run(notes, "changepassword", "olivia", "--reason", WHY)
    by_command(changed, "user.password_changed")
    assert changed[0].reason == WHY
    assert User.objects.get(username="olivia").check_password("correct horse battery staple")
    assert "pbkdf2" not in changed[0].body
    monkeypatch.setattr(getpass, "getpass", lambda *_, **__: "short")
    with pytest.raises(CommandError, match="in vain"):
        run(notes, "changepassword", "olivia")
    with pytest.raises((CommandError, IntegrityError)):
        run(notes, "createsuperuser", "--noinput", "--username", "root", "--email", "root@example.net")
    assert not User.objects.filter(username="root").exists()


def test_another_name_and_another_address(notes: Notes) -> None:
    person = PersonFactory.create(username="olivia", email="olivia@example.net")
    changed = run(notes, "person", "olivia", "--rename", "olivia.b", "--email", "ob@example.net", "--reason", WHY)
    by_command(changed, "user.identity_changed")
    [event] = changed
    assert (event.reason, event.content()["details"]) == (WHY, {"changed": ["email", "username"]})
    assert event.content()["before"] == {"username": "olivia", "email": "olivia@example.net"}
    assert event.content()["after"] == {"username": "olivia.b", "email": "ob@example.net"}
    assert "ob@example.net" not in event.body, "an address can be taken out one day"
    assert run(notes, "person", "olivia.b", "--email", "ob@example.net") == [], "nothing changed"
    PersonFactory.create(username="pete")
    for words in (("--rename", "Pete"), ("--rename", "a b"), ("--email", "x"), ("--create", "--rename", "y")):
        with pytest.raises(CommandError):
            run(notes, "person", "olivia.b", *words)
    assert User.objects.get(pk=person.pk).username == "olivia.b"


@pytest.mark.parametrize("field", ["username", "email", "first_name", "last_name"])
def test_who_an_account_is_changes_by_no_sql(notes: Notes, field: str) -> None:
    person = PersonFactory.create()
    with pytest.raises(IntegrityError, match="holds no audit event"), transaction.atomic():
        User.objects.filter(pk=person.pk).update(**{field: "somebody-else"})
    said = {"actor": TESTER, "action": "user.identity_changed", "object_type": "user", "object_id": person.pk}

    def changed(names: list[str]) -> None:
        with transaction.atomic():
            User.objects.filter(pk=person.pk).update(**{field: "somebody-else"})
            after = {"username": User.objects.get(pk=person.pk).username}
            record(**said, after=after, details={"changed": names})  # type: ignore[arg-type]  # the parts of an event

    with pytest.raises(IntegrityError, match="holds no audit event"):
        changed(["another"])
    with pytest.raises(IntegrityError, match="cannot be committed"), transaction.atomic():
        record(**said, after={"username": person.username}, details={"changed": [field]})  # type: ignore[arg-type]
    changed([field])
    assert notes.untold() == []


def test_a_password_by_sql_is_refused_at_commit(notes: Notes) -> None:
    person = PersonFactory.create()
    notes.forget()
    with pytest.raises(IntegrityError, match="holds no audit event"), transaction.atomic():
        User.objects.filter(pk=person.pk).update(password="x")
    kept = User.objects.get(pk=person.pk)
    kept.set_password("another one, by the shell")
    with pytest.raises(IntegrityError, match="holds no audit event"):
        kept.save()


def test_an_older_hash_is_renewed_at_sign_in_and_that_is_told(notes: Notes, settings: Settings) -> None:
    person = PersonFactory.create()
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS,
    ]  # fmt: skip
    notes.forget()
    answer = Client().post("/sign-in/", {"username": person.username, "password": PASSWORD})
    assert answer.status_code == 302
    assert not notes.untold()
    told = Event.objects.filter(object_id=str(person.pk)).order_by("id").values_list("action", flat=True)
    assert list(told) == ["user.created", "user.password_rehashed", "user.signed_in"]
    assert User.objects.get(pk=person.pk).password.startswith("pbkdf2")


def test_the_log_and_its_exports(notes: Notes, tmp_path: Path, settings: Settings) -> None:
    settings.AUDIT_KEY_FILE = tmp_path / "key"
    settings.AUDIT_VERIFIERS = tmp_path / "verifiers"
    settings.AUDIT_ANCHORS = ()
    made = run(notes, "audit_key", "make", "--name", "test.example.net/commands")
    assert [event.action for event in made] == ["audit.key_made"]
    run(notes, "audit_sealer", "--once")
    exported = run(notes, "audit_export", "--format", "jsonl", "--out", str(tmp_path / "log.jsonl"))
    by_command(exported, "audit.exported")
    run(notes, "audit_archive", "--apply", "--folder", str(tmp_path / "archives"))
    assert run(notes, "audit_retrieval_test") == [], "nothing was archived, so nothing is retrieved"
    run(notes, "clearsessions")
    verified = run(notes, "audit_verify")
    assert all(event.object_id for event in verified)


def test_devices_and_backups(notes: Notes, lab: LabFactory, tmp_path: Path, settings: Settings) -> None:
    running = lab(small_device("sw1"))
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text(f"lab: {{username: {running.username}, password: {LAB_PASSWORD}}}\n")
    credentials.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{credentials}"
    [switch] = running.devices
    inventory = tmp_path / "office.csv"
    inventory.write_text(
        "key,name,platform,address,port,credential,site,role\n"
        f"office1,office1,cisco_ios,{switch.host},{switch.port},lab,FRA,access\n"
    )
    synced = run(notes, "devices_sync", str(inventory))
    assert {event.origin for event in synced} == {"command"}
    assert Device.objects.count() == 1
    enrol(running)
    backed_up = run(notes, "config_backup", "--name", "sw1")
    assert "backup.started" in {event.action for event in backed_up}


def test_an_evidence_pack(notes: Notes, background_sealer: object, tmp_path: Path, settings: Settings) -> None:
    assert background_sealer
    settings.EVIDENCE_REPORT = "tests.integration.evidence.test_asking.no_report"
    DeviceFactory.create()
    PersonFactory.create(username="audrey")
    packed = run(notes, "evidence_pack", "--actor", "test", "--out", str(tmp_path / "pack.zip"), "--wait", "30")
    assert "evidence_pack.asked" in {event.action for event in packed}
