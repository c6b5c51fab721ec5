"""Ready-made checks in the form, the API and the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from changes.domain.check_library import LIBRARY, library_checks
from changes.models import ChangeRequest
from tests.factories import Cast, DeviceFactory, actor, draft

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).parents[3] / "docs" / "checks.md"


@pytest.fixture
def cast() -> Cast:
    return Cast.create()


def signed_in(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.author)
    return client


def test_the_api_lists_the_library_and_each_check_can_be_sent_back_as_it_is(cast: Cast) -> None:
    found = signed_in(cast).get("/api/v1/checks/library/", {"platform": "frr"}).json()
    assert {entry["key"] for entry in found} == {entry.key for entry in LIBRARY if "frr" in entry.platforms}
    post = [entry["check"] for entry in found if not entry["placeholder"]]
    change = draft(cast.author, checks={"post": post})
    assert change.checks["post"] == post


@pytest.mark.parametrize(("query", "field"), [({"platform": "vax"}, "platform"), ({"kind": "pre"}, "kind")])
def test_unknown_filters_are_refused_with_what_there_is(cast: Cast, query: dict[str, str], field: str) -> None:
    answer = signed_in(cast).get("/api/v1/checks/library/", query)
    assert answer.status_code == 400
    assert "Allowed: platform" in str(answer.json()["fields"][field]) or "frr" in str(answer.json()["fields"][field])


def test_the_library_is_for_people_who_are_signed_in() -> None:
    assert Client().get("/api/v1/checks/library/").status_code == 401


def test_a_check_is_put_into_the_form_without_scripts_and_what_was_typed_stays(cast: Cast) -> None:
    DeviceFactory.create()
    typed = {"title": "Kept", "post-count": "0", "post-library": "frr-bgp-not-fewer", "action": "library-post"}
    page = signed_in(cast).post("/changes/new/", typed).content.decode()
    assert 'value="Kept"' in page
    assert library_checks()["frr-bgp-not-fewer"].check.select.replace("'", "&#x27;") in page
    assert not ChangeRequest.objects.exists()


def test_the_form_refuses_what_the_domain_refuses_at_its_field(cast: Cast) -> None:
    typed = {
        "post-count": "1", "post-0-name": "x", "post-0-command": "show x", "post-0-expect": "count_equals",
        "post-0-value": "many", "post-0-parser": "json", "post-0-select": "peers", "action": "save",
    }  # fmt: skip
    answer = signed_in(cast).post("/changes/new/", typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "#id_post-0-select" in page
    assert "Post-checks, row 1, what to take" in page
    assert re.search(r"<details class=\"check-row__more[^>]*open", page)


def test_what_a_reviewer_reads_of_a_check_holds_all_of_it(cast: Cast) -> None:
    entry = library_checks()["frr-routes-near"].check.to_json()
    change = draft(cast.author, checks={"post": [entry]})
    page = signed_in(cast).get(f"/changes/{change.pk}/").content.decode()
    for words in ("JSONPath $.routesTotal", "number within tolerance of before", "give or take 10%", "for 10 s"):
        assert words in page
    assert actor(cast.author).username in page


def test_the_documentation_says_of_every_check_on_what_it_was_tried() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|.*\| ([^|]*) \|$", DOCS.read_text(), re.MULTILINE))
    assert rows == {entry.key: entry.tried.value or "not yet" for entry in LIBRARY}
