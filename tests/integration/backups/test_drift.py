"""Drift on real devices: found, classed, explained, decided, and gone."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from audit.models import Event
from devices.errors import BadFieldsError, NotPermittedError, OutdatedError
from devices.models import ConfigSnapshot, ConfigState, DriftRecord, DriftRule
from devices.services.drift import drift_fall_due
from devices.services.drift_decisions import drift_accept, drift_defer, drift_locked, drift_take
from devices.services.drift_rules import drift_preview, drift_rule_save, parse_rule
from tests.factories import PersonFactory, actor
from tests.integration.backups.conftest import Network

pytestmark = pytest.mark.lab
REASON = "Agreed with the site."


def actions(drift: DriftRecord) -> list[str]:
    events = Event.objects.filter(object_type="drift", object_id=str(drift.pk)).order_by("pk")
    return list(events.values_list("action", flat=True))


def test_change_at_the_console_becomes_an_unauthorized_change_with_class_and_author(network: Network) -> None:
    network.back_up(name="sw1")
    assert ConfigState.objects.get(device=network.device()).baseline_origin == "first"
    network.edit("snmp-server community s3cr3t-words RW", "interface GigabitEthernet1/0/1", "description by hand")
    network.back_up(name="sw1")
    drift = network.drift()
    assert (drift.drift_class, drift.state, drift.unauthorized, drift.changed_by) == (
        "critical",
        "open",
        True,
        "console",
    )
    assert (drift.lines_added, drift.lines_removed) == (2, 1)
    assert {match["rule"] for match in drift.matches} == {"SNMP", "Descriptions"}
    assert "s3cr3t-words" not in str(drift.matches)
    assert actions(drift) == ["drift.found"]
    network.back_up(name="sw1")
    assert actions(drift) == ["drift.found"]
    network.edit("ntp server 192.0.2.77")
    network.back_up(name="sw1")
    assert network.drift().lines_added == 3
    network.edit(
        "no ntp server 192.0.2.77",
        "no snmp-server community s3cr3t-words RW",
        "interface GigabitEthernet1/0/1",
        "description desk 1",
    )
    network.back_up(name="sw1")
    assert (network.drift().state, actions(drift)[1:]) == ("reverted", ["drift.renewed", "drift.vanished"])


def test_accepted_drift_is_the_expected_configuration_from_then_on(network: Network) -> None:
    network.back_up(name="sw1")
    network.edit("ntp server 192.0.2.77")
    network.back_up(name="sw1")
    # Somebody else goes on where the first one stopped: the first one stays an author.
    ConfigSnapshot.objects.filter(pk=network.drift().found_id).update(changed_by="Console")
    network.edit("ntp server 192.0.2.78")
    network.back_up(name="sw1")
    ConfigSnapshot.objects.filter(pk=network.drift().found_id).update(changed_by="bob")
    DriftRecord.objects.update(changed_by="bob")
    drift = network.drift()
    manager = actor(PersonFactory.create(roles=["change-manager"]))
    console = actor(PersonFactory.create(username="console", roles=["change-manager"]))
    requester = actor(PersonFactory.create(roles=["requester"]))
    seen = drift.found.blob_id
    for refused in (requester, console):
        with pytest.raises(NotPermittedError):
            drift_accept(drift_id=drift.pk, found_sha256=seen, reason=REASON, actor=refused)
    with pytest.raises(BadFieldsError):
        drift_accept(drift_id=drift.pk, found_sha256=seen, reason="  ", actor=manager)
    with pytest.raises(OutdatedError):
        drift_accept(drift_id=drift.pk, found_sha256="0" * 64, reason=REASON, actor=manager)
    drift_accept(drift_id=drift.pk, found_sha256=seen, reason=REASON, actor=manager)
    with pytest.raises(OutdatedError):
        drift_accept(drift_id=drift.pk, found_sha256=seen, reason=REASON, actor=manager)
    network.back_up(name="sw1")
    assert DriftRecord.objects.count() == 1
    state = ConfigState.objects.get(device=network.device())
    assert (state.baseline_id, state.baseline_origin) == (drift.found_id, "accepted")
    refused_four = ["drift.accept_refused"] * 4
    expected = ["drift.found", "drift.renewed", *refused_four, "drift.accepted", "drift.accept_refused"]
    assert actions(drift) == expected
    first, second, *_, last = Event.objects.filter(action="drift.accept_refused").order_by("pk")
    assert (first.actor_name, first.code, first.device_id) == (requester.username, "GATE_ROLE_DENIED", drift.device_id)
    assert "names you as the author" in second.reason
    assert (last.actor_name, last.code) == (manager.username, "conflict")


def test_a_decision_and_a_backup_judge_a_device_one_after_the_other(network: Network) -> None:
    network.back_up(name="sw1")
    network.edit("ntp server 192.0.2.77")
    network.back_up(name="sw1")
    drift, other = network.drift(), connection.copy()
    with transaction.atomic(), closing(other), other.cursor() as cursor:
        drift_locked(drift.pk)
        with pytest.raises(OperationalError, match="could not obtain lock"):
            cursor.execute("SELECT 1 FROM devices_device WHERE id = %s FOR NO KEY UPDATE NOWAIT", [drift.device_id])


def test_deferred_drift_comes_back_on_its_day_and_when_it_becomes_critical(network: Network) -> None:
    network.back_up()
    for name in ("sw1", "sw2"):
        network.edit("ntp server 192.0.2.77", name=name)
    network.back_up()
    manager = actor(PersonFactory.create(roles=["change-manager"]))
    today = timezone.now().date()
    first, second = network.drift("sw1"), network.drift("sw2")
    for wrong in (today, today + timedelta(days=91)):
        with pytest.raises(BadFieldsError):
            drift_defer(drift_id=first.pk, until=wrong, reason=REASON, actor=manager)
    for drift in (first, second):
        drift_defer(drift_id=drift.pk, until=today + timedelta(days=7), reason=REASON, actor=manager)
    assert drift_fall_due() == 0
    DriftRecord.objects.filter(pk=first.pk).update(deferred_until=today)
    assert drift_fall_due() == 1
    network.edit("snmp-server location elsewhere", name="sw2")
    network.back_up(name="sw2")
    assert [network.drift("sw1").state, network.drift("sw2").state] == ["open", "open"]
    assert actions(second)[-1] == "drift.fell_due"
    drift_take(drift_id=first.pk, actor=manager)
    assert network.drift("sw1").owner_id == manager.user_id


def test_rules_are_changed_by_administrators_and_tried_before(network: Network) -> None:
    network.back_up(name="sw1")
    network.edit("ntp server 192.0.2.77")
    network.back_up(name="sw1")
    rule = {"name": "Clock", "drift_class": "critical", "pattern": "^ntp ", "platforms": [], "position": 1}
    [preview] = drift_preview(None, parse_rule(rule))
    assert (preview.drift.drift_class, preview.drift_class, preview.moves) == ("functional", "critical", True)
    with pytest.raises(NotPermittedError):
        drift_rule_save(rule_id=None, data=rule, actor=actor(PersonFactory.create(roles=["change-manager"])))
    admin = actor(PersonFactory.create(roles=["administrator"]))
    with pytest.raises(BadFieldsError) as refused:
        drift_rule_save(rule_id=None, data={**rule, "pattern": "(", "platforms": ["ios"]}, actor=admin)
    assert set(refused.value.fields) == {"pattern", "platforms"}
    saved = drift_rule_save(rule_id=None, data=rule, actor=admin)
    assert Event.objects.filter(object_type="drift_rule", object_id=str(saved.pk)).count() == 1
    assert DriftRule.objects.first() == saved


def test_database_refuses_a_drift_record_without_its_event(network: Network) -> None:
    network.back_up(name="sw1")
    network.edit("ntp server 192.0.2.77")
    network.back_up(name="sw1")
    with pytest.raises(IntegrityError), transaction.atomic():
        DriftRecord.objects.update(state="accepted")
