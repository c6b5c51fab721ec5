"""Rules of the house: delegations, windows, freezes, exceptions, policies and templates."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from changes.models import (
    ApprovalPolicyVersion,
    ChangeFreeze,
    ChangeRequest,
    Delegation,
    GateException,
    MaintenanceWindow,
    TemplateVersion,
)
from changes.services.transitions import audit_change
from tests.factories import DeviceFactory, PersonFactory, actor
from tests.integration.coverage.walking import WHY, Walk, ids
from tests.integration.policies.conftest import strict
from tests.integration.templates.conftest import NTP, approved_template
from tests.integration.templates.test_envelopes import failed
from tests.integration.templates.test_pages import sent


def test_delegations(walk: Walk) -> None:
    cast = walk.cast
    end = timezone.now() + timedelta(days=2)
    body = {"delegate": "peer", "ends_at": end.isoformat(), "reason": WHY}
    form = {**body, "ends_at": f"{end:%Y-%m-%dT%H:%M}"}
    walk.act(cast.colleague, "delegation-create", body, form=form, api="api-delegation-list", refuse=False)
    walk.act(cast.colleague, "delegation-revoke", delegation_id=Delegation.objects.get().pk)


def test_windows_and_freezes(walk: Walk) -> None:
    cast = walk.cast
    nights = {"name": "Nights", "starts_at": "2026-01-04T02:00", "minutes": 240, "time_zone": "Europe/Berlin",
              "rule": "FREQ=WEEKLY;BYDAY=SU", "comment": WHY}  # fmt: skip
    walk.act(
        cast.manager, "calendar-window-declare", {**nights, "scope": {"sites": ["FRA"]}},
        form={**nights, "minutes": "240", "scope_sites": "FRA"}, api="api-window-list",
    )  # fmt: skip
    row = MaintenanceWindow.objects.get()
    walk.act(
        cast.manager, "calendar-window", {**nights, "minutes": 300, "scope": {"sites": ["FRA"]}, "version": 1},
        form={**nights, "minutes": "300", "scope_sites": "FRA", "version": "1"}, api="api-window-detail",
        api_method="PUT", window_id=row.pk,
    )  # fmt: skip
    walk.act(cast.manager, "calendar-window-lift", {"comment": WHY}, api="api-window-lift", window_id=row.pk)
    start, end = (timezone.now() + timedelta(days=days) for days in (1, 2))
    freeze = {"name": "Year end", "starts_at": start.isoformat(), "ends_at": end.isoformat(), "comment": WHY}
    form = {**freeze, "starts_at": f"{start:%Y-%m-%dT%H:%M}", "ends_at": f"{end:%Y-%m-%dT%H:%M}"}
    walk.act(cast.manager, "freeze-declare", freeze, form=form, api="api-freeze-list")
    walk.act(cast.manager, "freeze-lift", {"comment": WHY}, freeze_id=ChangeFreeze.objects.get().pk)


def test_exceptions(walk: Walk) -> None:
    cast = walk.cast
    device = DeviceFactory.create()
    end = timezone.now() + timedelta(hours=4)
    body = {"gate": "health", "code": "PRECHECK_STATE_UNHEALTHY", "device_ids": [device.pk], "reason": WHY,
            "expires_at": end.isoformat()}  # fmt: skip
    form = {"what": "health:PRECHECK_STATE_UNHEALTHY", "devices": device.name, "reason": WHY,
            "expires_at": f"{end:%Y-%m-%dT%H:%M}"}  # fmt: skip
    for _ in range(2):
        walk.act(cast.author, "change-exception-new", body, form=form, api="api-exception-list")
    first, second = (ids(exception_id=row.pk) for row in GateException.objects.order_by("pk"))
    walk.act(cast.approver, "change-exception-approve", {"comment": WHY}, api="api-exception-approve", **first)
    walk.act(cast.approver, "change-exception-reject", {"comment": WHY}, api="api-exception-reject", **second)
    walk.act(
        cast.approver,
        "change-exception-revoke",
        {"reason": WHY},
        form={"comment": WHY},
        api="api-exception-revoke",
        **first,
    )


def test_policies(walk: Walk) -> None:
    writer = PersonFactory.create(username="writer", roles=["change-manager"])
    walk.act(writer, "policy-new", {"document": strict()}, api="api-policy-list")
    row = ApprovalPolicyVersion.objects.get(name="strict")
    walk.act(writer, "policy-propose", {"comment": WHY}, version_id=row.pk)
    walk.act(walk.cast.manager, "policy-activate", {"comment": WHY}, version_id=row.pk)
    walk.act(writer, "policy-new", {"document": strict(version=2)}, api="api-policy-list", refuse=False)
    other = ApprovalPolicyVersion.objects.get(name="strict", version=2)
    if walk.door == "api":
        question = {"facts": {"change_type": "normal"}}
        walk.api(writer, "api-policy-ask", question, version_id=other.pk, quiet=True, refuse=False)
    walk.act(writer, "policy-retire", {"comment": WHY}, version_id=other.pk)


def test_templates(walk: Walk) -> None:
    cast = walk.cast
    walk.act(cast.author, "template-create", dict(NTP), form=sent(action="save"), api="api-template-list")
    version = TemplateVersion.objects.get()
    one = ids(template_id=version.template_id)
    first = ids(**one, number=1)
    walk.act(
        cast.author, "template-edit", {"trigger": "Now.", "edits": 1},
        form=sent(action="save", edits="1", trigger="Now."),
        api="api-template-version", api_method="PATCH", **first,
    )  # fmt: skip
    walk.act(cast.author, "template-propose", **first)
    walk.act(cast.author, "template-withdraw", {"comment": WHY}, **first)
    walk.act(cast.author, "template-propose", refuse=False, **first)
    version.refresh_from_db()
    read = {"digest": version.digest, "comment": WHY}
    if walk.door == "page":
        walk.page(cast.peer, "template-review", {**read, "decision": "return"}, **first)
    else:
        walk.api(cast.peer, "api-template-return", read, **first)
    walk.act(cast.author, "template-propose", refuse=False, **first)
    version.refresh_from_db()
    read = {"digest": version.digest, "comment": WHY}
    if walk.door == "page":
        walk.page(cast.peer, "template-review", {**read, "decision": "approve"}, refuse=False, **first)
    else:
        walk.api(cast.peer, "api-template-approve", read, **first)
    other = approved_template(cast, name="Other")
    two = ids(template_id=other.template_id)
    walk.act(cast.author, "template-revise", **two)
    walk.act(
        cast.colleague, "template-settings", {"owner": "author"}, form={"name": "Other", "owner": "author"},
        api="api-template-detail", api_method="PATCH", **two,
    )  # fmt: skip
    walk.act(cast.manager, "template-deprecate", {"comment": WHY}, **two)


def test_a_pre_approval_that_was_lost(walk: Walk) -> None:
    cast = walk.cast
    version, run = failed(cast, DeviceFactory.create_batch(2, site="FRA"))
    with transaction.atomic():
        before = ChangeRequest.objects.get(pk=run.change_id).state
        ChangeRequest.objects.filter(pk=run.change_id).update(state="closed", close_code="successful_with_issues")
        audit_change(run.change, "change.closed", actor=actor(cast.manager), state_from=before, state_to="closed")
    walk.act(cast.manager, "template-restore", {"comment": WHY}, template_id=version.template_id)
