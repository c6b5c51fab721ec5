from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from changes.models import ChangeRequest
from devices.models import Device
from portal.views.change_list import PAGE
from tests.factories import Cast, assessed, carried_out, draft, ready_plan, started, submitted
from tests.integration.pages.conftest import As


def titles(client: Client, query: str = "", status: int = 200) -> list[str]:
    response = client.get(f"/changes/{query}")
    assert response.status_code == status, response.content.decode()
    return re.findall(r'class="table__title" href="[^"]*">([^<]*)<', response.content.decode())


@pytest.fixture
def some(cast: Cast, devices: list[Device]) -> None:
    draft(cast.author, title="Alpha", reason="Because of the audit.")
    submitted(cast.author, devices[:1], title="Beta")
    assessed(cast, devices[:2], title="Gamma")
    draft(cast.colleague, title="Delta")


def test_newest_come_first(cast: Cast, as_: As, some: None) -> None:
    assert titles(as_(cast.outsider)) == ["Delta", "Gamma", "Beta", "Alpha"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=alp", ["Alpha"]),
        ("?q=AUDIT", ["Alpha"]),
        ("?state=draft", ["Delta", "Alpha"]),
        ("?state=draft,assessment", ["Delta", "Beta", "Alpha"]),
        ("?state=open", ["Delta", "Gamma", "Beta", "Alpha"]),
        ("?state=reviewing", ["Gamma", "Beta"]),
        ("?state=running", []),
        ("?state=ended", []),
        ("?author=colleague", ["Delta"]),
        ("?author=COLLEAGUE", ["Delta"]),
        ("?device=fra-acc-02", ["Gamma"]),
        ("?device=fra-acc-01&state=assessment", ["Beta"]),
        ("?q=+&state=&author=", ["Delta", "Gamma", "Beta", "Alpha"]),
    ],
)
def test_filters_narrow_the_list(cast: Cast, as_: As, some: None, query: str, found: list[str]) -> None:
    assert titles(as_(cast.outsider), query) == found


def test_number_is_found_however_it_is_written(cast: Cast, as_: As, some: None) -> None:
    wanted = ChangeRequest.objects.get(title="Beta")
    for text in (wanted.number, wanted.number.lower(), str(wanted.pk)):
        assert "Beta" in titles(as_(cast.outsider), f"?q={text}")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?colour=red", "There is no filter &quot;colour&quot;"),
        ("?stat=draft", "Did you mean &quot;state&quot;"),
        ("?state=done", "“done” is no state"),
        ("?author=a&author=b", "given 2 times"),
        ("?q=a%00b", "NUL"),
        ("?q=" + "x" * 300, "longer than 200"),
        ("?before=x", "names no page"),
        ("?before=-1", "names no page"),
        ("?before=99999999999999999999", "names no page"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(
    cast: Cast, as_: As, some: None, query: str, sentence: str
) -> None:
    response = as_(cast.outsider).get(f"/changes/{query}")
    assert response.status_code == 400
    html = response.content.decode()
    assert sentence in html
    assert "table__title" not in html
    assert 'role="alert"' in html


def test_what_was_asked_for_stays_in_the_filter_bar(cast: Cast, as_: As, some: None) -> None:
    html = as_(cast.outsider).get("/changes/?q=alp&state=draft").content.decode()
    assert 'value="alp"' in html
    assert '<option value="draft" selected>' in html
    wrong = as_(cast.outsider).get("/changes/?q=alp&state=done").content.decode()
    assert 'value="alp"' in wrong


def test_pages_follow_each_other_without_gap_or_repetition(cast: Cast, as_: As) -> None:
    for number in range(PAGE + 3):
        draft(cast.author, title=f"Change {number:03}")
    client = as_(cast.outsider)
    first = client.get("/changes/?author=author")
    older = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
    assert older
    draft(cast.author, title="came meanwhile")
    second = client.get(older[1].replace("&amp;", "&"))
    shown = [re.findall(r"Change (\d{3})<", page.content.decode()) for page in (first, second)]
    assert shown[0] + shown[1] == [f"{number:03}" for number in reversed(range(PAGE + 3))]
    assert 'rel="next"' not in second.content.decode()
    assert 'href="/changes/?author=author"' in second.content.decode()


def test_empty_list_explains_itself(cast: Cast, as_: As) -> None:
    assert "Write the first change" in as_(cast.author).get("/changes/").content.decode()
    assert "Write the first change" not in as_(cast.peer).get("/changes/").content.decode()
    assert "No change matches" in as_(cast.author).get("/changes/?q=x").content.decode()


@pytest.mark.parametrize("number", [1, 15])
def test_queries_do_not_grow_with_the_number_of_changes(
    cast: Cast, as_: As, devices: list[Device], django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    for at in range(number):
        ready_plan(draft(cast.author, title=f"draft {at}"), devices[:2])
    carried_out(started(cast, devices[:2]), rejected=[devices[0]])
    client = as_(cast.peer)
    # Session, person, roles, changes, their lines, their runs, the count at the inbox.
    with django_assert_num_queries(7):
        html = client.get("/changes/").content.decode()
    assert "Partial" in html


def test_long_columns_are_not_read_for_the_list(cast: Cast, as_: As, devices: list[Device]) -> None:
    ready_plan(draft(cast.author), devices[:2])
    client = as_(cast.peer)
    with CaptureQueriesContext(connection) as queries:
        client.get("/changes/")
    [listed] = [query["sql"] for query in queries if '"changes_changerequest"."title"' in query["sql"]]
    assert '"content"' not in listed
    assert '"inputs"' not in listed


def test_only_reading_is_allowed(cast: Cast, as_: As) -> None:
    assert as_(cast.author).post("/changes/").status_code == 405
    assert Client().get("/changes/").status_code == 302
