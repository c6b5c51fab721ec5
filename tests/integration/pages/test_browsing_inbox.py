from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from changes.models import ChangeRequest
from changes.services.approvals import change_request_changes, plan_open
from changes.services.requests import change_cancel
from changes.services.review import change_close
from devices.models import Device
from tests.factories import Cast, actor, approved, assessed, carried_out, draft, ready_plan, started, submitted
from tests.integration.pages.conftest import As


def page(client: Client) -> str:
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def groups(html: str) -> list[str]:
    return re.findall(r'<h2 id="group-(\w+)"', html)


def count(html: str) -> int:
    found = re.search(r'sidenav__count">(\d+)', html)
    return int(found[1]) if found else 0


def test_nobody_sees_it_without_signing_in(db: None) -> None:
    response = Client().get("/")
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/")


def test_nothing_waits_at_first(cast: Cast, as_: As) -> None:
    html = page(as_(cast.peer))
    assert "Nothing waits for you" in html
    assert (groups(html), count(html)) == ([], 0)


def test_requester_without_work_is_offered_to_write(cast: Cast, as_: As) -> None:
    assert "Write a change" in page(as_(cast.author))
    assert "New change" not in page(as_(cast.approver))


@pytest.mark.parametrize(
    ("who", "group", "place"),
    [
        ("peer", "assess", "plan/"),
        ("approver", "decide", "plan/"),
        ("implementer", "start", ""),
        ("manager", "close", ""),
    ],
)
def test_each_person_finds_what_their_role_has_to_do(
    cast: Cast, as_: As, devices: list[Device], who: str, group: str, place: str
) -> None:
    changes = {
        "assess": submitted(cast.author, devices[:2], title="for assess"),
        "decide": assessed(cast, devices[:2], title="for decide"),
        "start": approved(cast, devices[:2], title="for start"),
        "close": carried_out(started(cast, devices[:2], title="for close"), rejected=[devices[0]]).change,
    }
    html = page(as_(getattr(cast, who)))
    assert groups(html) == [group]
    assert count(html) == 1
    assert f'href="/changes/{changes[group].pk}/{place}"' in html
    assert f"for {group}" in html


def test_partial_run_is_named_where_it_has_to_be_closed(cast: Cast, as_: As, devices: list[Device]) -> None:
    carried_out(started(cast, devices[:2]), rejected=[devices[0]])
    html = page(as_(cast.manager))
    assert '<span class="note" data-tone="warn">The run ended: partial</span>' in html


def test_author_never_finds_own_changes_to_decide(cast: Cast, as_: As, devices: list[Device]) -> None:
    submitted(cast.colleague, devices[:2])
    assert groups(page(as_(cast.colleague))) == []


def test_drafts_say_what_is_missing(cast: Cast, as_: As, devices: list[Device]) -> None:
    draft(cast.author, title="without a plan")
    ready_plan(draft(cast.author, title="with a plan"), devices[:2])
    html = page(as_(cast.author))
    assert groups(html) == ["draft"]
    assert "No plan yet: build one" in html
    assert "The plan is ready: read it and submit" in html


def test_reviewers_wish_is_shown_to_the_author(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = submitted(cast.author, devices[:2])
    _send_back(change, cast.peer, "Keep port 24.\nIt is the lobby.")
    html = page(as_(cast.author))
    assert "Sent back: change it and plan it again" in html
    assert "<strong>peer</strong> asked for changes: Keep port 24. It is the lobby." in html


def test_wish_is_gone_when_the_change_was_planned_anew(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = submitted(cast.author, devices[:2])
    _send_back(change, cast.peer, "Keep port 24.")
    ready_plan(ChangeRequest.objects.get(pk=change.pk), devices[:1])
    html = page(as_(cast.author))
    assert "Keep port 24" not in html
    assert "The plan is ready" in html


def _send_back(change: ChangeRequest, reviewer: User, comment: str) -> None:
    assert change.revision
    plan_open(revision=change.revision, actor=actor(reviewer))
    change_request_changes(change_id=change.pk, approver=actor(reviewer), comment=comment)


def test_own_changes_that_wait_for_others_are_under_way(cast: Cast, as_: As, devices: list[Device]) -> None:
    submitted(cast.author, devices[:2], title="handed in")
    html = page(as_(cast.author))
    assert groups(html) == []
    assert 'id="under-way"' in html
    assert "handed in" in html
    assert 'id="under-way"' not in page(as_(cast.outsider))


def test_runs_are_under_way_for_everybody(cast: Cast, as_: As, devices: list[Device]) -> None:
    started(cast, devices[:2], title="being executed")
    html = page(as_(cast.outsider))
    assert "being executed" in html
    assert "0 of 2 devices ended" in html


def test_ended_changes_show_what_they_came_to(cast: Cast, as_: As, devices: list[Device]) -> None:
    run = carried_out(started(cast, devices[:2], title="partly done"), rejected=[devices[0]])
    change_close(
        change_id=run.change_id,
        manager=actor(cast.manager),
        close_code="successful_with_issues",
        comment="One backed out.",
    )
    canceled = draft(cast.author, title="given up")
    change_cancel(change_id=canceled.pk, actor=actor(cast.author), comment="No longer needed.")
    html = page(as_(cast.author))
    assert "Closed: successful with issues" in html
    assert 'data-state="successful_with_issues" data-tone="warn"' in html
    assert "Canceled" in html


def test_titles_are_escaped_and_hidden_characters_written_out(cast: Cast, as_: As) -> None:
    change = draft(cast.author, title="<script>alert(1)</script>")
    html = page(as_(cast.author))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    # The product refuses such a title; whoever writes into the table does not.
    ChangeRequest.objects.filter(pk=change.pk).update(title="good\u202e txet")
    assert "good\\u202e txet" in page(as_(cast.author))


def test_count_is_on_every_page_and_costs_one_query(
    cast: Cast, as_: As, devices: list[Device], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        submitted(cast.author, devices[:2], title=f"change {number}")
    client = as_(cast.peer)
    # Session, person, roles, the page's two lists of sign-ins and tokens, and the count.
    with django_assert_num_queries(6):
        html = client.get("/account/").content.decode()
    assert count(html) == 3


def test_a_part_of_a_page_does_not_ask_for_the_count(
    cast: Cast, as_: As, devices: list[Device], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_(cast.author)
    # Session and person, six for the facets, two for the targets.
    with django_assert_num_queries(10):
        response = client.get("/changes/targets/?site=FRA", headers={"HX-Request": "true"})
    assert response.status_code == 200


@pytest.mark.parametrize("number", [1, 12])
def test_queries_do_not_grow_with_the_number_of_changes(
    cast: Cast, as_: As, devices: list[Device], django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    for at in range(number):
        ready_plan(draft(cast.author, title=f"draft {at}"), devices[:2])
        submitted(cast.author, devices[:2], title=f"submitted {at}")
    carried_out(started(cast, devices[:2]))
    client = as_(cast.author)
    # Session, person, roles; counts and which changes stand here; those, their lines, runs, wishes.
    with django_assert_num_queries(8):
        html = client.get("/").content.decode()
    assert count(html) == number


def test_only_reading_is_allowed(cast: Cast, as_: As) -> None:
    assert as_(cast.author).post("/").status_code == 405
