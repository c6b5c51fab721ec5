"""One shape for every refusal, whatever went wrong and wherever."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from django.db import OperationalError
from django.http import Http404
from django.test import override_settings
from django.urls import include, path
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from audit.errors import OutsideTransactionError
from changes.domain.errors import ChangeError
from changes.domain.plan import PayloadError
from changes.rendering import RendererUnavailableError
from devices.errors import ConnectionLostError, LeaseLostError, UnknownDeviceFilterError
from portal.api.errors import STATUSES
from tests.factories import Cast, switched
from tests.integration.api.conftest import Answer, As, nothing_changes, refused

SECRET = "s3cr3t in a stack frame"


class BrokenView(APIView):
    """Raises what its address names."""

    authentication_classes = []
    permission_classes = []

    def get(self, request: Request, name: str) -> Response:
        del request
        raise ERRORS[name]


ERRORS: dict[str, Exception] = {
    "bug": RuntimeError(SECRET),
    "audit-bug": OutsideTransactionError("change.approved"),
    "unmapped": ChangeError("nobody thought of this"),
    "device": ConnectionLostError("gone", device="fra-acc-01"),
    "database": OperationalError("connection to server failed: password=hunter2"),
    "gone": Http404(),
    "lease": LeaseLostError("Another worker holds it."),
    "payload": PayloadError("This must be text.", "$.driver"),
    "renderer": RendererUnavailableError("no processes left"),
    "filter": UnknownDeviceFilterError("There is no device filter “colour”."),
    "nested": ValidationError({"a": {"b": [ErrorDetail("Wrong.", code="invalid")]}, "c": [{"d": ["Bad."]}]}),
}
urlpatterns = [path("api/broken/<str:name>/", BrokenView.as_view()), path("", include("portal.urls"))]


@pytest.fixture
def broken() -> Iterator[APIClient]:
    with override_settings(ROOT_URLCONF=__name__):
        yield APIClient()


def posted(
    client: APIClient, body: bytes, kind: str = "application/json", *, address: str = "/api/v1/changes/"
) -> Answer:
    answer: Answer = client.generic("POST", address, body, content_type=kind)  # type: ignore[arg-type]  # takes bytes too
    return answer


def test_nobody_signed_in_is_told_how_to_sign_in(db: None) -> None:
    for address in ("/api/v1/changes/", "/api/v1/devices/", "/api/v1/audit/events/", "/api/v1/tokens/"):
        response = APIClient().get(address)
        refused(response, 401, "not_authenticated", says="Authorization: Token")
        assert response["WWW-Authenticate"] == "Token"


def test_an_address_that_does_not_exist_is_answered_in_json(cast: Cast, as_: As) -> None:
    for client in (APIClient(), as_(cast.author)):
        for address in ("/api/", "/api/v1/", "/api/v1/nope/", "/api/v1/changes/0/", "/api/v1/changes/x/"):
            refused(client.get(address), 404, "not_found")
        refused(client.get("/api/v1/changes"), 404, "not_found", says="end with a slash")
        refused(client.post("/api/v1/nope/", {}), 404, "not_found")


def test_an_id_that_no_row_can_have_is_not_found(cast: Cast, as_: As) -> None:
    for number in (10**17, 10**30):
        for address in (f"changes/{number}/", f"devices/{number}/", f"runs/{number}/", f"changes/{number}/plan/"):
            refused(as_(cast.author).get(f"/api/v1/{address}"), 404, "not_found")


def test_a_method_that_an_address_does_not_take_is_named_with_those_that_it_takes(cast: Cast, as_: As) -> None:
    response = as_(cast.author).put("/api/v1/changes/", {})
    refused(response, 405, "method_not_allowed", says="does not take PUT")
    assert "GET" in response.json()["detail"]
    assert "POST" in response["Allow"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "line 1"),
        (b'{"title": NaN}', "NaN"),
        (b'{"title": "a", "title": "b"}', "twice"),
        (b'{"a": {"b": 1, "b": 1}}', "twice"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"title": "\\ud800"}', "surrogate"),
        (b"[" * 100_000, "deeply"),
        (b'{"a":' * 100_000, "deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "digits"),
        (b"", "object"),
    ],
)
def test_a_body_that_is_not_json_changes_nothing(cast: Cast, as_: As, body: bytes, says: str) -> None:
    with nothing_changes():
        response = posted(as_(cast.author), body)
    if body:
        refused(response, 400, "malformed_json", says=says)
    else:
        refused(response, 400, "invalid_input", field="title")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null"])
def test_json_that_is_no_object_is_refused(cast: Cast, as_: As, body: bytes) -> None:
    with nothing_changes():
        response = posted(as_(cast.author), body)
    refused(response, 400, "invalid_input", field="body", says="object")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain", "application/xml"])
def test_another_media_type_is_refused(cast: Cast, as_: As, kind: str) -> None:
    with nothing_changes():
        response = posted(as_(cast.author), b"<a/>", kind)
    refused(response, 415, "unsupported_media_type", says="application/json")


def test_a_body_of_5_mb_is_refused_with_its_size_and_the_limit(cast: Cast, as_: As) -> None:
    body = json.dumps({"content": "x" * 5_000_000}).encode()
    for address in ("/api/v1/changes/", "/api/v1/changes/1/approve/", "/api/v1/tokens/"):
        with nothing_changes():
            response = posted(as_(cast.author), body, address=address)
        refused(response, 413, "BODY_TOO_LARGE", says="4.8 MiB; at most 2 MiB")


def test_a_session_without_its_csrf_token_changes_nothing(cast: Cast) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(cast.author)
    with nothing_changes():
        refused(client.post("/api/v1/changes/", {}), 403, "csrf_failed")


def test_too_many_calls_of_one_person_are_slowed_down(cast: Cast, as_: As, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.api.throttles import PersonThrottle

    monkeypatch.setattr(PersonThrottle, "rate", "3/min", raising=False)
    client = as_(cast.author)
    answers = [client.get("/api/v1/changes/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused(answers[3], 429, "throttled", says="seconds")
    assert 0 < int(answers[3]["Retry-After"]) <= 60
    assert as_(cast.peer).get("/api/v1/changes/").status_code == 200


def test_an_unexpected_error_shows_its_request_id_and_nothing_else(
    broken: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="portal.api.errors"):
        response = broken.get("/api/broken/bug/")
    refused(response, 500, "internal_error")
    assert response["X-Request-ID"] in response.json()["detail"]
    assert SECRET not in response.content.decode()
    assert SECRET in caplog.text
    assert response["X-Request-ID"] in caplog.text


@pytest.mark.parametrize("name", ["audit-bug", "unmapped", "device"])
def test_errors_that_were_not_meant_for_callers_are_internal(broken: APIClient, name: str) -> None:
    response = broken.get(f"/api/broken/{name}/")
    refused(response, 500, "internal_error")
    assert str(ERRORS[name]) not in response.content.decode()


def test_a_database_that_is_away_is_said_without_its_words(broken: APIClient) -> None:
    response = broken.get("/api/broken/database/")
    refused(response, 503, "database_unavailable", says="try again")
    assert "hunter2" not in response.content.decode()


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("gone", 404, "not_found"),
        ("lease", 409, "LEASE_LOST"),
        ("payload", 409, "PLAN_HASH_MISMATCH"),
        ("renderer", 503, "renderer_unavailable"),
        ("filter", 400, "unknown_filter"),
    ],
)
def test_errors_have_their_status(broken: APIClient, name: str, status: int, code: str) -> None:
    refused(broken.get(f"/api/broken/{name}/"), status, code)


def test_nested_fields_are_named_by_their_path(broken: APIClient) -> None:
    response = broken.get("/api/broken/nested/")
    refused(response, 400, "invalid_input", says="Wrong. Bad.")
    assert response.json()["fields"] == {"a.b": ["Wrong."], "c[0].d": ["Bad."]}


def test_no_earlier_line_of_the_table_hides_a_later_one() -> None:
    for at, (kind, _) in enumerate(STATUSES):
        hidden = [earlier for earlier, _ in STATUSES[:at] if issubclass(kind, earlier)]
        assert not hidden, (kind, hidden)


def test_an_inactive_account_is_nobody(cast: Cast, as_: As) -> None:
    client = as_(cast.author)
    switched(cast.author, active=False)
    refused(client.get("/api/v1/changes/"), 401, "not_authenticated")


def test_the_audit_log_refuses_in_the_same_shape(cast: Cast, as_: As) -> None:
    events = "/api/v1/audit/events/"
    refused(as_(cast.author).get(events), 403, "permission_denied", says="Only auditors")
    refused(as_(cast.superuser).get(events), 403, "permission_denied")
    auditor = as_(cast.auditor)
    assert auditor.get(events).status_code == 200
    refused(auditor.get(f"{events}?colour=x"), 400, "unknown_filter", field="colour", says="action, object_type")
    refused(auditor.get(f"{events}?since=yesterday"), 400, "bad_filter", field="since")
    refused(
        auditor.get("/api/v1/audit/export/?format=xml"), 400, "bad_format", field="format", says="csv or format=jsonl"
    )
    refused(auditor.get(f"{events}{10**30}/"), 404, "not_found")
    refused(auditor.post(events, {}), 405, "method_not_allowed")
