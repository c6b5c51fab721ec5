"""A standard change is pre-approved only while everything of its plan lies inside the envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from changes.domain.errors import InvalidInputError
from changes.domain.targets import TargetSpec
from changes.errors import ConflictError, PlanIntegrityError, PolicyDeniedError
from changes.models import ChangeRequest, PlanRevision, Run
from changes.selectors import resolve_targets
from changes.services import template_reviews, templates
from changes.services.approvals import change_assess, plan_open
from changes.services.envelopes import within_envelope
from changes.services.execution import change_start
from changes.services.requests import change_edit, change_submit
from changes.services.template_history import template_history, unforgiven_failures
from changes.services.template_use import targets_with_content, usable_version
from changes.services.templates import template_editor_ids
from changes.services.transitions import audit_change
from devices.models import Device
from tests.database import as_owner
from tests.factories import Cast, DeviceFactory, actor, wave_carried_out
from tests.integration.templates.conftest import SERVER, approved_template, made_from, planned, reviewed

pytestmark = pytest.mark.django_db


def verdict(change: ChangeRequest) -> tuple[str, ...]:
    assert change.revision is not None
    found = within_envelope(change, change.revision)
    assert found.holds is (not found.why_not)
    return found.why_not


def test_a_change_takes_everything_from_its_version(cast: Cast) -> None:
    version = approved_template(cast)
    change = made_from(version, cast.author, strategy={"max_parallel": 2})
    assert change.content == "ntp server {{ server }}\n"
    assert change.variables == {"server": SERVER, "key": 7}
    assert (change.strategy["max_parallel"], change.strategy["canary"]) == (2, 1)
    assert [check["name"] for check in change.checks["post"]] == ["Server is configured"]
    assert template_editor_ids(change) == {cast.colleague.pk}


def test_inside_the_envelope_it_holds(
    cast: Cast, devices: list[Device], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    change = planned(approved_template(cast), cast.author, devices)
    change = ChangeRequest.objects.select_related("revision").get(pk=change.pk)
    with django_assert_max_num_queries(6):
        assert verdict(change) == ()


OUTSIDE: list[tuple[dict[str, Any], str]] = [
    ({"variables": {"server": "198.51.100.1"}}, "“server” is outside the approved range"),
    ({"strategy": {"max_parallel": 6}}, "approved in advance is from 1 to 5"),
    ({"strategy": {"canary": 0}}, "only 1, as in the template"),
]


@pytest.mark.parametrize(("fields", "why"), OUTSIDE)
def test_outside_it_says_why(cast: Cast, devices: list[Device], fields: dict[str, Any], why: str) -> None:
    change = planned(approved_template(cast), cast.author, devices, **fields)
    [sentence] = verdict(change)
    assert why in sentence
    assert "198.51.100.1" not in sentence


def test_other_devices_are_outside(cast: Cast, devices: list[Device]) -> None:
    stray = DeviceFactory.create(name="ams-core-01", site="AMS", role="core")
    change = planned(approved_template(cast), cast.author, [*devices, stray])
    said = " ".join(verdict(change))
    assert "3 devices; at most 2" in said
    assert "outside the sites FRA: ams-core-01" in said
    assert "outside the roles access: ams-core-01" in said


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("content", "no ntp\n", "not exactly that of the template"),
        ("checks", {"pre": [], "post": []}, "checks are not exactly"),
        ("steps", [{"title": "x"}], "decision steps are not exactly"),
        ("variables", {"server": "192.0.2.77", "key": 7}, "not those that its digest covers"),
        ("template", {"version_id": 1}, "was not made from"),
    ],
)
def test_inputs_that_were_edited_behind_the_application_are_outside(
    cast: Cast, devices: list[Device], name: str, value: object, why: str
) -> None:
    change = planned(approved_template(cast), cast.author, devices)
    assert change.revision is not None
    PlanRevision.objects.filter(pk=change.revision.pk).update(inputs={**change.revision.inputs, name: value})
    change.revision.refresh_from_db()
    assert why in " ".join(verdict(change))


def test_a_document_that_was_edited_with_its_guard_switched_off_is_found(cast: Cast, devices: list[Device]) -> None:
    version = approved_template(cast)
    change = planned(version, cast.author, devices)
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_templateversion DISABLE TRIGGER changes_templateversion_guard")
        cursor.execute(
            "UPDATE changes_templateversion SET document = replace(document, 'FRA', 'AMS') WHERE id = %s", [version.pk]
        )
    [sentence] = verdict(change)
    assert "does not have the digest that was reviewed" in sentence


def test_a_deprecated_version_pre_approves_nothing(cast: Cast, devices: list[Device]) -> None:
    version = approved_template(cast)
    change = planned(version, cast.author, devices)
    second = templates.version_create(template_id=version.template_id, author=actor(cast.author))
    templates.version_propose(template_id=version.template_id, number=2, author=actor(cast.author))
    reviewed(second, cast.peer, cast.approver)
    assert verdict(change) == (f"{version.label} is deprecated. Make the change from the version that took its place.",)


PRE_APPROVED = "The change is pre-approved: it lies inside its template's approved envelope."


def test_submitted_inside_it_is_approved_at_once_and_outside_it_goes_the_normal_way(
    cast: Cast, devices: list[Device]
) -> None:
    version = approved_template(cast)
    inside = planned(version, cast.author, devices)
    inside = change_submit(change_id=inside.pk, requester=actor(cast.author))
    assert inside.revision is not None
    assert inside.revision.demand is not None
    assert (inside.state, inside.revision.demand["path"]) == ("approved", PRE_APPROVED)
    beyond = planned(version, cast.author, devices, variables={"server": "198.51.100.1"})
    assert change_submit(change_id=beyond.pk, requester=actor(cast.author)).state == "assessment"


def test_who_wrote_the_template_cannot_approve_what_is_made_from_it(cast: Cast, devices: list[Device]) -> None:
    version = approved_template(cast)  # written by the colleague, who is a peer as well
    change = planned(version, cast.author, devices, type="normal")
    change_submit(change_id=change.pk, requester=actor(cast.author))
    assert change.revision is not None
    plan_open(revision=change.revision, actor=actor(cast.colleague))
    with pytest.raises(PolicyDeniedError) as refusal:
        change_assess(change_id=change.pk, approver=actor(cast.colleague), plan_digest=change.revision.digest)
    assert refusal.value.code == "GATE_SELF_APPROVAL"


def failed(cast: Cast, devices: list[Device]) -> tuple[Any, Run]:
    version = approved_template(cast)
    change = planned(version, cast.author, devices)
    change_submit(change_id=change.pk, requester=actor(cast.author))
    run = change_start(change_id=change.pk, implementer=actor(cast.author))
    wave_carried_out(run, rejected=devices)
    return version, run


def test_values_are_judged_by_the_schema(cast: Cast) -> None:
    version = approved_template(cast)
    with pytest.raises(InvalidInputError) as refusal:
        made_from(version, cast.author, variables={"server": "no address", "key": 0, "other": 1})
    assert set(refusal.value.fields) == {"variables.server", "variables.key", "variables.other"}


def test_content_of_a_template_cannot_be_changed_until_it_is_given_up(cast: Cast) -> None:
    change = made_from(approved_template(cast), cast.author)
    edit: dict[str, Any] = {"change_id": change.pk, "editor": actor(cast.author)}
    with pytest.raises(InvalidInputError, match="comes from TPL"):
        change_edit(**edit, data={"content": "no ntp\n"})
    with pytest.raises(InvalidInputError, match="made from none"):
        change_edit(**edit, data={"template": None})
    change_edit(**edit, data={"template": None, "type": "normal", "content": "no ntp\n"})
    change.refresh_from_db()
    assert (change.template_version_id, change.content, change.type) == (None, "no ntp\n", "normal")


def test_each_type_needs_what_it_needs(cast: Cast) -> None:
    plain = approved_template(cast, name="Without envelope", envelope=None)
    with pytest.raises(InvalidInputError, match="has none"):
        made_from(plain, cast.author)
    with pytest.raises(InvalidInputError) as refusal:
        made_from(plain, cast.author, type="emergency")
    assert set(refusal.value.fields) == {"called_by", "emergency_reason"}
    change = made_from(plain, cast.author, type="emergency", called_by="NOC", emergency_reason="FRA is down.")
    assert (change.type, change.called_by) == ("emergency", "NOC")
    change = change_edit(change_id=change.pk, editor=actor(cast.author), data={"type": "normal"})
    assert (change.called_by, change.emergency_reason) == ("", "")


def test_devices_without_content_are_left_out_with_a_reason(cast: Cast, devices: list[Device]) -> None:
    eos = DeviceFactory.create(name="fra-acc-99", platform="frr")
    change = made_from(approved_template(cast), cast.author)
    found = targets_with_content(change, resolve_targets(TargetSpec(filters={"site": ("FRA",)})))
    assert [device.name for device in found.devices] == ["fra-acc-01", "fra-acc-02"]
    [left_out] = [excluded for excluded in found.excluded if excluded.device == eos]
    assert left_out.code == "TEMPLATE_PLATFORM_MISSING"


def test_no_change_is_made_from_a_deprecated_template_and_its_successor_is_named(cast: Cast) -> None:
    old, new = approved_template(cast), approved_template(cast, name="Newer")
    templates.template_deprecate(
        template_id=old.template_id,
        actor=actor(cast.manager),
        comment="Old.",
        successor_id=new.template_id,
    )
    with pytest.raises(InvalidInputError, match=f"Use {new.template.number} Newer instead"):
        usable_version(old.template_id)


def test_a_failure_takes_the_pre_approval_until_a_manager_gives_it_back(cast: Cast, devices: list[Device]) -> None:

    version, run = failed(cast, devices)
    assert unforgiven_failures(version.template_id) == [run.change_id]  # long before its run has ended
    again = planned(version, cast.author, devices)
    assert "lost its pre-approval" in " ".join(verdict(again))
    restore: dict[str, Any] = {
        "template_id": version.template_id,
        "manager": actor(cast.manager),
        "comment": "The server was down.",
    }
    with pytest.raises(ConflictError, match="Close CHG"):
        template_reviews.pre_approval_restore(**restore)
    # Its review is closed; how that is done is tested where it lives.
    before = ChangeRequest.objects.get(pk=run.change_id).state
    ChangeRequest.objects.filter(pk=run.change_id).update(state="closed", close_code="successful_with_issues")
    audit_change(run.change, "change.closed", actor=actor(cast.manager), state_from=before, state_to="closed")
    with pytest.raises(PolicyDeniedError):
        template_reviews.pre_approval_restore(**{**restore, "manager": actor(cast.author)})
    template_reviews.pre_approval_restore(**restore)
    assert verdict(again) == ()
    assert (template_history(version.template_id).issues, template_history(version.template_id).failed) == (1, 0)
    with pytest.raises(ConflictError, match="has not lost"):
        template_reviews.pre_approval_restore(**restore)


def deprecated(cast: Cast, change: ChangeRequest) -> None:
    assert change.template_version is not None
    templates.template_deprecate(
        template_id=change.template_version.template_id, actor=actor(cast.manager), comment="It harms."
    )


def moved_away(_cast: Cast, change: ChangeRequest) -> None:
    assert change.revision is not None
    Device.objects.filter(pk__in=change.revision.device_plans.values("device_id")).update(site="MUC")


def another_failed(cast: Cast, change: ChangeRequest) -> None:
    assert change.template_version is not None
    elsewhere = [DeviceFactory.create(name="fra-acc-77")]
    other = planned(change.template_version, cast.author, elsewhere)
    change_submit(change_id=other.pk, requester=actor(cast.author))
    wave_carried_out(change_start(change_id=other.pk, implementer=actor(cast.author)), rejected=elsewhere)


@pytest.mark.parametrize("event", [deprecated, moved_away, another_failed])
def test_a_pre_approval_that_is_lost_after_the_submission_starts_nothing_and_opens_no_wave(
    cast: Cast, devices: list[Device], event: Callable[[Cast, ChangeRequest], None]
) -> None:
    version = approved_template(cast)
    waiting, running = (
        planned(version, cast.author, rows) for rows in ([DeviceFactory.create(name="fra-acc-50")], devices)
    )
    for change in (waiting, running):
        assert change_submit(change_id=change.pk, requester=actor(cast.author)).state == "approved"
    run = change_start(change_id=running.pk, implementer=actor(cast.author))
    event(cast, ChangeRequest.objects.get(pk=waiting.pk))
    with pytest.raises(PlanIntegrityError) as refusal:
        change_start(change_id=waiting.pk, implementer=actor(cast.author))
    assert refusal.value.code == "POLICY_ASKS_MORE"

    if event is moved_away:
        moved_away(cast, ChangeRequest.objects.get(pk=running.pk))
    assert len(wave_carried_out(run)) == 1
    assert (run.state, run.code) == ("paused", "POLICY_ASKS_MORE")
    assert list(run.waves.order_by("number").values_list("state", flat=True)) == ["held", "pending"]
