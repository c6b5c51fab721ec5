"""The OpenAPI document: valid, complete, and true to the addresses that exist."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.validation import validate_schema

from portal.api.schema import document

CONTRACT = {
    "/api/v1/devices/": {"get"},
    "/api/v1/devices/{device_id}/": {"get"},
    "/api/v1/devices/{device_id}/configs/": {"get"},
    "/api/v1/devices/{device_id}/configs/{snapshot_id}/": {"get"},
    "/api/v1/devices/{device_id}/configs/{snapshot_id}/raw/": {"post"},
    "/api/v1/backups/": {"get", "post"},
    "/api/v1/backups/{run_id}/": {"get"},
    "/api/v1/drift/": {"get"},
    "/api/v1/drift/{drift_id}/": {"get"},
    "/api/v1/drift/{drift_id}/accept/": {"post"},
    "/api/v1/drift/{drift_id}/defer/": {"post"},
    "/api/v1/drift/{drift_id}/reopen/": {"post"},
    "/api/v1/drift/{drift_id}/revert/": {"post"},
    "/api/v1/drift/{drift_id}/take/": {"post"},
    "/api/v1/drift-rules/": {"get", "post"},
    "/api/v1/drift-rules/{rule_id}/": {"put", "delete"},
    "/api/v1/compliance/": {"get", "post"},
    "/api/v1/compliance/{rule_id}/": {"get", "put", "delete"},
    "/api/v1/devices/{device_id}/changes/": {"get"},
    "/api/v1/breakers/": {"get"},
    "/api/v1/breakers/{breaker_id}/reset/": {"post"},
    "/api/v1/inventory/sources/": {"get"},
    "/api/v1/inventory/sources/{source}/sync/": {"post"},
    "/api/v1/inventory/runs/": {"get"},
    "/api/v1/inventory/runs/{sync_id}/": {"get"},
    "/api/v1/inventory/excluded/": {"get"},
    "/api/v1/inventory/refused/": {"get"},
    "/api/v1/inventory/platforms/": {"get", "put"},
    "/api/v1/inventory/platforms/{mapping_id}/": {"delete"},
    "/api/v1/inventory/netbox/webhook/": {"post"},
    "/api/v1/policies/": {"get", "post"},
    "/api/v1/policies/schema/": {"get"},
    "/api/v1/policies/{version_id}/": {"get"},
    "/api/v1/policies/{version_id}/ask/": {"post"},
    "/api/v1/policies/{version_id}/forecast/": {"get"},
    "/api/v1/policies/{version_id}/propose/": {"post"},
    "/api/v1/policies/{version_id}/activate/": {"post"},
    "/api/v1/policies/{version_id}/retire/": {"post"},
    "/api/v1/templates/": {"get", "post"},
    "/api/v1/templates/{template_id}/": {"get", "patch"},
    "/api/v1/templates/{template_id}/deprecate/": {"post"},
    "/api/v1/templates/{template_id}/restore/": {"post"},
    "/api/v1/templates/{template_id}/versions/": {"post"},
    "/api/v1/templates/{template_id}/versions/{number}/": {"get", "patch"},
    "/api/v1/templates/{template_id}/versions/{number}/approve/": {"post"},
    "/api/v1/templates/{template_id}/versions/{number}/diff/": {"get"},
    "/api/v1/templates/{template_id}/versions/{number}/propose/": {"post"},
    "/api/v1/templates/{template_id}/versions/{number}/return/": {"post"},
    "/api/v1/templates/{template_id}/versions/{number}/withdraw/": {"post"},
    "/api/v1/changes/": {"get", "post"},
    "/api/v1/changes/{change_id}/": {"get", "patch"},
    "/api/v1/changes/{change_id}/plan/": {"get", "post"},
    "/api/v1/changes/{change_id}/plans/{number}/payloads/": {"get"},
    "/api/v1/changes/{change_id}/plans/{number}/payloads/{position}/": {"get"},
    "/api/v1/changes/{change_id}/submit/": {"post"},
    "/api/v1/changes/{change_id}/withdraw/": {"post"},
    "/api/v1/changes/{change_id}/request-changes/": {"post"},
    "/api/v1/changes/{change_id}/assess/": {"post"},
    "/api/v1/changes/{change_id}/approve/": {"post"},
    "/api/v1/changes/{change_id}/reject/": {"post"},
    "/api/v1/changes/{change_id}/start/": {"post"},
    **{
        f"/api/v1/changes/{{change_id}}/{order}/": {"post"}
        for order in (
            "pause",
            "resume",
            "stop-after-wave",
            "abort",
            "skip",
            "retry",
            "release-wave",
            "refuse-wave",
            "schedule",
            "waive",
            "start-by-itself",
            "start-by-itself/call-off",
        )
    },
    "/api/v1/changes/{change_id}/rollback/": {"get", "post"},
    "/api/v1/changes/{change_id}/conflicts/": {"get"},
    "/api/v1/changes/{change_id}/next-slot/": {"get"},
    "/api/v1/calendar/": {"get"},
    "/api/v1/windows/": {"get", "post"},
    "/api/v1/windows/{window_id}/": {"get", "put"},
    "/api/v1/windows/{window_id}/lift/": {"post"},
    "/api/v1/hooks/": {"get"},
    "/api/v1/hooks/calls/": {"get"},
    "/api/v1/hooks/{name}/": {"patch"},
    "/api/v1/notifications/": {"get"},
    "/api/v1/notifications/preferences/": {"get", "patch"},
    "/api/v1/notifications/read/": {"post"},
    "/api/v1/notifications/test/": {"post"},
    "/api/v1/notifications/webhook/": {"put", "delete"},
    "/api/v1/runs/{run_id}/steps/": {"get"},
    "/api/v1/changes/{change_id}/confirm-step/": {"post"},
    "/api/v1/changes/{change_id}/stop-step/": {"post"},
    "/api/v1/changes/{change_id}/threads/": {"get", "post"},
    "/api/v1/threads/{thread_id}/": {"get"},
    "/api/v1/threads/{thread_id}/reply/": {"post"},
    "/api/v1/threads/{thread_id}/resolve/": {"post"},
    "/api/v1/threads/{thread_id}/reopen/": {"post"},
    "/api/v1/inbox/": {"get"},
    "/api/v1/inbox/{kind}/": {"get"},
    "/api/v1/meetings/": {"get", "post"},
    "/api/v1/meetings/{meeting_id}/": {"get", "patch"},
    "/api/v1/meetings/{meeting_id}/refresh/": {"post"},
    "/api/v1/meetings/{meeting_id}/open/": {"post"},
    "/api/v1/meetings/{meeting_id}/close/": {"post"},
    "/api/v1/meetings/{meeting_id}/cancel/": {"post"},
    "/api/v1/meetings/{meeting_id}/attendance/": {"post"},
    "/api/v1/meetings/{meeting_id}/items/": {"post"},
    "/api/v1/meetings/{meeting_id}/items/{item_id}/": {"delete"},
    "/api/v1/meetings/{meeting_id}/items/{item_id}/minutes/": {"post"},
    "/api/v1/freezes/": {"get", "post"},
    "/api/v1/freezes/{freeze_id}/": {"get"},
    "/api/v1/freezes/{freeze_id}/lift/": {"post"},
    "/api/v1/kill-switch/": {"get"},
    "/api/v1/kill-switch/engage/": {"post"},
    "/api/v1/kill-switch/release/": {"post"},
    "/api/v1/changes/{change_id}/close/": {"post"},
    "/api/v1/changes/{change_id}/cancel/": {"post"},
    "/api/v1/changes/{change_id}/approvals/": {"get"},
    "/api/v1/changes/{change_id}/stages/": {"get"},
    **{f"/api/v1/changes/{{change_id}}/{what}/": {"post"} for what in ("abstain", "withdraw-decision", "revise")},
    "/api/v1/delegations/": {"get", "post"},
    "/api/v1/delegations/{delegation_id}/": {"get"},
    "/api/v1/delegations/{delegation_id}/revoke/": {"post"},
    "/api/v1/changes/{change_id}/timeline/": {"get"},
    "/api/v1/changes/{change_id}/audit-trail/": {"get"},
    "/api/v1/changes/{change_id}/runs/": {"get"},
    "/api/v1/checks/library/": {"get"},
    "/api/v1/runs/{run_id}/": {"get"},
    "/api/v1/runs/{run_id}/progress/": {"get"},
    "/api/v1/runs/{run_id}/devices/": {"get"},
    "/api/v1/audit/events/": {"get"},
    "/api/v1/credentials/": {"get"},
    "/api/v1/audit/events/{event_id}/": {"get"},
    "/api/v1/audit/export/": {"get"},
    "/api/v1/audit/checkpoints/newest/": {"get"},
    "/api/v1/audit/checkpoints/compare/": {"post"},
    "/api/v1/audit/checkpoints/{size}/": {"get"},
    "/api/v1/audit/redactions/": {"get", "post"},
    "/api/v1/audit/redactions/{redaction_id}/": {"get"},
    "/api/v1/audit/redactions/{redaction_id}/carry-out/": {"post"},
    "/api/v1/audit/redactions/{redaction_id}/decline/": {"post"},
    "/api/v1/audit/holds/": {"get", "post"},
    "/api/v1/audit/holds/{hold_id}/": {"get"},
    "/api/v1/audit/holds/{hold_id}/propose-release/": {"post"},
    "/api/v1/audit/holds/{hold_id}/decline-release/": {"post"},
    "/api/v1/audit/holds/{hold_id}/release/": {"post"},
    "/api/v1/audit/retention/": {"get"},
    "/api/v1/audit/retention/{retention_class}/": {"put"},
    "/api/v1/audit/archives/": {"get"},
    "/api/v1/audit/retrieval-tests/": {"get"},
    "/api/v1/audit/retrieval-tests/{test_id}/": {"get"},
    "/api/v1/audit/searches/": {"get", "post"},
    "/api/v1/audit/searches/{search_id}/": {"get", "patch", "delete"},
    "/api/v1/devices/{device_id}/identity/": {"get"},
    "/api/v1/devices/{device_id}/host-keys/": {"post"},
    "/api/v1/devices/{device_id}/host-keys/read/": {"post"},
    "/api/v1/host-keys/import/": {"post"},
    "/api/v1/host-keys/{host_key_id}/revoke/": {"post"},
    "/api/v1/host-key-alerts/": {"get"},
    "/api/v1/host-key-alerts/{alert_id}/acknowledge/": {"post"},
    "/api/v1/trust/": {"get", "put"},
    "/api/v1/reconciliation/": {"get"},
    "/api/v1/exceptions/": {"get", "post"},
    "/api/v1/exceptions/{exception_id}/": {"get"},
    "/api/v1/exceptions/{exception_id}/approve/": {"post"},
    "/api/v1/exceptions/{exception_id}/reject/": {"post"},
    "/api/v1/exceptions/{exception_id}/revoke/": {"post"},
    "/api/v1/changes/{change_id}/risk/": {"get"},
    "/api/v1/changes/{change_id}/risk/answer/": {"post"},
    "/api/v1/changes/{change_id}/risk/override/": {"post"},
    "/api/v1/changes/{change_id}/review/": {"get", "patch"},
    "/api/v1/changes/{change_id}/review/submit/": {"post"},
    "/api/v1/changes/{change_id}/review/return/": {"post"},
    "/api/v1/changes/{change_id}/review/accept/": {"post"},
    "/api/v1/changes/{change_id}/review/actions/": {"post"},
    "/api/v1/reviews/": {"get"},
    "/api/v1/review-actions/": {"get"},
    **{f"/api/v1/review-actions/{{action_id}}/{step}/": {"post"} for step in ("done", "drop", "move")},
    "/api/v1/reports/": {"get", "post"},
    "/api/v1/reports/{report_id}/": {"get"},
    "/api/v1/reports/{report_id}/pdf/": {"get"},
    "/api/v1/evidence-packs/": {"get", "post"},
    "/api/v1/evidence-packs/{pack_id}/": {"get"},
    "/api/v1/evidence-packs/{pack_id}/download/": {"get"},
    "/api/v1/kpis/": {"get"},
    "/api/v1/kpis/{key}/changes/": {"get"},
    "/api/v1/calendar/feeds/": {"get", "post"},
    "/api/v1/calendar/feeds/{feed_id}/": {"delete"},
    "/api/v1/tokens/": {"get", "post"},
    "/api/v1/tokens/{token_id}/": {"delete"},
}


def operations() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        f"{method.upper()} {path}": operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }
    return found


def test_the_document_is_valid_and_made_without_a_warning(tmp_path: Path) -> None:
    out, errors = StringIO(), StringIO()
    file = tmp_path / "openapi.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file), stdout=out, stderr=errors)
    assert errors.getvalue() == ""
    made = yaml.safe_load(file.read_text())
    validate_schema(made)  # type: ignore[no-untyped-call]  # drf-spectacular types a part of itself
    assert made["info"]["title"] == "Countersign"


def test_the_document_holds_exactly_the_addresses_of_the_contract() -> None:
    assert {path: set(methods) for path, methods in document()["paths"].items()} == CONTRACT


def _routes(patterns: list[Any], prefix: str = "") -> list[str]:
    found = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += _routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            found.append(prefix + str(pattern.pattern))
    return found


def test_no_address_below_v1_is_left_out_of_the_document() -> None:
    routes = {route for route in _routes(get_resolver().url_patterns) if route.startswith("api/v1/")}
    assert len(routes) == len(CONTRACT)


@pytest.mark.parametrize("name", sorted(operations()))
def test_every_operation_says_what_it_does_and_how_it_refuses(name: str) -> None:
    operation = operations()[name]
    assert operation["summary"]
    assert operation["description"].strip()
    assert "401" in operation["responses"]
    assert any(status.startswith("2") for status in operation["responses"])
    if "audit" not in name:
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                [content] = response["content"].values()
                assert content["schema"]["$ref"].endswith("/Error")


def test_the_document_is_served_to_everybody_as_yaml_and_as_json(client: Client) -> None:
    served = yaml.safe_load(client.get("/api/schema/").content)
    assert set(served["paths"]) == set(CONTRACT)
    response = client.get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    assert response["Content-Type"].startswith("application/vnd.oai.openapi+json")
    assert json.loads(response.content)["paths"].keys() == served["paths"].keys()


def test_the_pages_bring_their_script_from_an_address_of_their_own(client: Client) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "<style" not in text
    assert "style=" not in text
    assert text.count("<script") == text.count("<script src=")
    script = client.get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert '"/api/schema/"' in script.content.decode().replace("\\u002D", "-").replace("\\u002F", "/")
