"""Planning reads with one credential, execution writes with another, and neither stands in for the other."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from audit.models import Event
from changes.models import DevicePlan
from devices.models import CredentialUse
from tests.integration.changes.conftest import Office, ends, story

pytestmark = pytest.mark.lab
ONE = {"filter": {"name": "fra-acc-01"}}


@pytest.fixture
def store(office: Office, settings: SimpleNamespace, tmp_path: Path) -> Path:
    """Two credentials for the lab; both open it, so that only the rules keep them apart."""
    login = {"username": office.lab.username, "password": office.lab.password}
    path = tmp_path / "two.yaml"
    path.touch(0o600)
    path.write_text(json.dumps({"reader": {"read": login}, "writer": {"write": login}}))
    settings.DEVICE_CREDENTIALS = f"file:{path}"
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{sites: [FRA], read: reader, write: writer}]\n")
    settings.DEVICE_CREDENTIAL_RULES = str(rules)
    return rules


def uses() -> set[tuple[str, str, str, str]]:
    return set(CredentialUse.objects.values_list("occasion", "credential", "purpose", "code"))


def test_planning_reads_and_execution_writes_and_each_is_one_event(office: Office, store: Path) -> None:
    change = office.approved()
    run = office.executed(change)
    assert {state for state, _code in ends(run).values()} == {"succeeded"}, story(run)
    assert uses() == {("plan", "reader", "read", ""), ("run", "writer", "write", "")}
    events = Event.objects.filter(action="credential.used", change_id=change.pk).order_by("pk")
    found = [json.loads(event.body)["details"] for event in events]
    assert [(one["work"], one["purpose"], one["devices"]) for one in found] == [
        ("plan", "read", 3),
        ("run", "write", 3),
    ]


def test_a_device_without_a_credential_that_writes_is_not_even_planned(office: Office, store: Path) -> None:
    store.write_text("rules: [{sites: [FRA], read: reader}]\n")
    change = office.draft(targets=ONE)
    office.planned(change)
    plan = DevicePlan.objects.get(revision__change=change)
    assert plan.code == "SECRET_SCOPE_DENIED"
    assert "names no credential for write sessions" in plan.detail
    assert office.lab.device("fra-acc-01").auth_attempts() == []


def test_a_credential_that_lost_its_part_stops_the_device_before_anything_is_sent(office: Office, store: Path) -> None:
    change = office.approved(targets=ONE)
    store.write_text("rules: [{sites: [FRA], read: reader, write: reader}]\n")
    sessions = len(office.lab.device("fra-acc-01").auth_attempts())
    run = office.executed(change)
    assert [code for _state, code in ends(run).values()] == ["SECRET_SCOPE_DENIED"], story(run)
    assert len(office.lab.device("fra-acc-01").auth_attempts()) == sessions
    assert ("run", "reader", "write", "SECRET_SCOPE_DENIED") in uses()
    assert Event.objects.filter(action="credential.refused", change_id=change.pk).count() == 1


def test_our_own_sentence_about_a_refused_password_stays_as_it_is(office: Office, store: Path) -> None:
    office.lab.device("fra-acc-01").faults.refuse_login = True
    change = office.draft(targets=ONE)
    office.planned(change)
    plan = DevicePlan.objects.get(revision__change=change)
    assert plan.code == "PRECHECK_AUTH_FAILED"
    assert f"The device refused the password of {office.lab.username}." in plan.detail
    assert "<hidden" not in json.dumps([plan.detail, plan.gates])


def test_a_store_that_is_down_is_tried_again_and_then_the_device_fails(
    office: Office, store: Path, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = office.approved(targets=ONE)
    monkeypatch.setenv("VAULT_TOKEN", "no-matter")
    settings.DEVICE_CREDENTIALS = "vault:"
    empty = dict.fromkeys(("namespace", "ca_file", "token_file", "role_id_file", "secret_id_file"), "")
    settings.VAULT = {**empty, "address": "http://127.0.0.1:9", "approle_mount": "approle", "timeout_s": 1}
    run = office.executed(change)
    assert [(state, code) for state, code in ends(run).values()] == [("failed", "SECRET_UNAVAILABLE")], story(run)
    assert "cannot be reached" in story(run)
    refused = CredentialUse.objects.get(occasion="run")
    assert refused.count == settings.DEVICE_CONNECT_ATTEMPTS
