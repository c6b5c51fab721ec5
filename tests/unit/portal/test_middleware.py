import json

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from portal.middleware import BodyLimitMiddleware, RequestIdMiddleware, UnkeptAnswersMiddleware

LIMIT = 2 * 1024 * 1024


def answer(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("served")


def test_every_request_has_an_id_of_its_own_and_the_answer_names_it() -> None:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.request_id)  # type: ignore[attr-defined]  # the middleware sets it
        return HttpResponse()

    factory = RequestFactory()
    responses = [RequestIdMiddleware(view)(factory.get("/", headers={"X-Request-ID": "mine"})) for _ in range(2)]
    assert [response["X-Request-ID"] for response in responses] == seen
    assert len(set(seen)) == 2
    assert all(len(one) == 32 for one in seen)


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_bodies_up_to_the_limit_pass(size: int) -> None:
    request = RequestFactory().post("/changes/", b"x" * size, content_type="text/plain")
    assert BodyLimitMiddleware(answer)(request).status_code == 200


def test_larger_body_gets_a_page_with_a_sentence() -> None:
    request = RequestFactory().post("/changes/", b"x" * (LIMIT + 1), content_type="text/plain")
    response = BodyLimitMiddleware(answer)(request)
    assert isinstance(response, HttpResponse)
    assert response.status_code == 413
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "The request is 2.0 MiB; at most 2 MiB are accepted." in response.content.decode()


def test_larger_body_gets_the_error_shape_in_the_api() -> None:
    request = RequestFactory().post("/api/v1/changes/", b"x" * 5_000_000, content_type="application/json")
    response = BodyLimitMiddleware(answer)(request)
    assert isinstance(response, HttpResponse)
    body = json.loads(response.content)
    assert (response.status_code, body["code"], body["fields"]) == (413, "BODY_TOO_LARGE", {})
    assert "4.8 MiB" in body["detail"]


@pytest.mark.parametrize("length", ["", "abc", "-5"])
def test_length_that_is_no_number_is_left_to_the_server(length: str) -> None:
    request = RequestFactory().get("/")
    request.META["CONTENT_LENGTH"] = length
    assert BodyLimitMiddleware(answer)(request).status_code == 200


@pytest.mark.parametrize(
    ("path", "said", "kept"),
    [("/api/v1/audit/events/", "", "no-store"), ("/api/v1/x/", "private", "private"), ("/changes/", "", None)],
)
def test_answers_of_the_api_are_kept_by_nobody(path: str, said: str, kept: str | None) -> None:
    response = HttpResponse(headers={"Cache-Control": said} if said else {})
    assert UnkeptAnswersMiddleware(lambda _request: response)(RequestFactory().get(path)).get("Cache-Control") == kept
