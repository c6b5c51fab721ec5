"""Compliance rules on the configurations that backups brought."""

from __future__ import annotations

import pytest

from audit.models import Event
from devices.errors import BadFieldsError, NotPermittedError
from devices.models import ComplianceResult, ComplianceRule, ConfigBlob, ConfigSnapshot, Device
from devices.services.compliance import (
    compliance_assess,
    compliance_assess_rule,
    compliance_rule_delete,
    compliance_rule_save,
    score_of,
)
from tests.factories import DeviceFactory, PersonFactory, actor

pytestmark = pytest.mark.django_db
NTP = {"platform": "cisco_ios", "feature": "NTP", "section": "ntp server", "intended": "ntp server 192.0.2.1\n"}


def read(text: str, **facts: object) -> Device:
    device = DeviceFactory.create(**facts)
    ConfigSnapshot.objects.create(device=device, blob=ConfigBlob.store(text), purpose="backup")
    return device


def results() -> dict[str, tuple[str, str]]:
    rows = ComplianceResult.objects.values_list("device__name", "state", "code")
    return {name: (state, code) for name, state, code in rows}


def test_not_assessed_counts_neither_for_nor_against_the_score() -> None:
    admin = actor(PersonFactory.create(roles=["administrator"]))
    read("ntp server 192.0.2.1\n", name="good")
    read("ntp server 192.0.2.2\nsnmp-server community hunter2 RO\n", name="bad")
    read("ntp server 192.0.2.1\n", name="elsewhere", site="MUC")
    DeviceFactory.create(name="unread")
    read("ntp server 192.0.2.1\n", name="other-platform", platform="arista_eos")
    rule = compliance_rule_save(rule_id=None, data={**NTP, "sites": ["FRA"]}, actor=admin)
    assert compliance_assess_rule(rule.pk) == 4
    assert results() == {
        "good": ("compliant", ""),
        "bad": ("not_compliant", "COMPLIANCE_LINES_DIFFER"),
        "elsewhere": ("not_assessed", "COMPLIANCE_NOT_APPLICABLE"),
        "unread": ("not_assessed", "COMPLIANCE_NO_CONFIG"),
    }
    score = score_of(ComplianceResult.objects.all())
    assert (score.compliant, score.assessed, score.not_assessed, score.percent) == (1, 2, 2, 50)
    assert score_of(ComplianceResult.objects.filter(state="not_assessed")).percent is None
    Device.objects.filter(name="bad").update(status="missing")
    assert score_of(rule.results.all()).percent == 100, "what is no longer there counts no more"


def test_a_device_that_became_another_platform_is_not_judged_by_the_old_one() -> None:
    device = read("ntp server 192.0.2.2\n")
    rule = compliance_rule_save(rule_id=None, data=NTP, actor=actor(PersonFactory.create(roles=["administrator"])))
    compliance_assess_rule(rule.pk)
    Device.objects.filter(pk=device.pk).update(platform="arista_eos")
    compliance_assess(device_id=device.pk, snapshot_id=device.snapshots.get().pk)
    assert not ComplianceResult.objects.exists()


def test_same_text_and_rule_are_not_judged_again_and_a_new_version_is() -> None:
    admin = actor(PersonFactory.create(roles=["administrator"]))
    device = read("ntp server 192.0.2.1\n")
    snapshot = device.snapshots.get()
    rule = compliance_rule_save(rule_id=None, data=NTP, actor=admin)
    assert compliance_assess(device_id=device.pk, snapshot_id=snapshot.pk) == 1
    assert compliance_assess(device_id=device.pk, snapshot_id=snapshot.pk) == 0
    compliance_rule_save(rule_id=rule.pk, data={**NTP, "intended": "ntp server 192.0.2.9\n"}, actor=admin)
    assert compliance_assess(device_id=device.pk, snapshot_id=snapshot.pk) == 1
    found = ComplianceResult.objects.get()
    assert (found.missing, found.extra) == ("ntp server 192.0.2.9", "ntp server 192.0.2.1")


def test_found_lines_are_kept_without_their_secrets() -> None:
    admin = actor(PersonFactory.create(roles=["administrator"]))
    device = read("snmp-server community hunter2-hunter2 RO\n")
    data = {**NTP, "feature": "SNMP", "section": "snmp-server community", "intended": ""}
    rule = compliance_rule_save(rule_id=None, data=data, actor=admin)
    compliance_assess_rule(rule.pk)
    assert ComplianceResult.objects.get(device=device).extra.startswith("snmp-server community <hidden")


def test_only_administrators_change_rules_each_change_is_audited_and_bad_ones_are_refused() -> None:
    admin = actor(PersonFactory.create(roles=["administrator"]))
    with pytest.raises(NotPermittedError):
        compliance_rule_save(rule_id=None, data=NTP, actor=actor(PersonFactory.create(roles=["change-manager"])))
    for field, wrong in (("platform", "ios"), ("feature", ""), ("section", " ")):
        with pytest.raises(BadFieldsError) as refused:
            compliance_rule_save(rule_id=None, data={**NTP, field: wrong}, actor=admin)
        assert field in refused.value.fields
    rule = compliance_rule_save(rule_id=None, data=NTP, actor=admin)
    with pytest.raises(BadFieldsError):
        compliance_rule_save(rule_id=None, data=NTP, actor=admin)
    pk = rule.pk
    compliance_rule_delete(rule_id=pk, actor=admin)
    events = Event.objects.filter(object_type="compliance_rule", object_id=str(pk)).order_by("pk")
    assert [event.action for event in events] == ["compliance_rule.created", "compliance_rule.deleted"]
    assert not ComplianceRule.objects.exists()
