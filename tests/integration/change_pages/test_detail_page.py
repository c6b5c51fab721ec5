"""The change's own page: what blocks it, what this person can do, and the facts that a reviewer needs first."""

import html as markup
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from devices.models import Device, DeviceStatus
from portal.refusal_limits import counts as refusals
from tests.factories import (
    Cast,
    DeviceFactory,
    approved,
    assessed,
    carried_out,
    draft,
    ready_plan,
    started,
    submitted,
)
from tests.integration.change_pages.conftest import As


def page_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def text(html: str) -> str:
    return re.sub(r"\s+", " ", markup.unescape(re.sub(r"<[^>]+>", " ", html)))


def buttons(html: str) -> set[str]:
    """The labels of the actions that are open, in the box of what the person can do."""
    box = html[html.index('id="todo-title"') : html.index('id="glance-title"')]
    box = box.split('<details class="disclosure todo__refused"')[0]
    found = re.findall(r'<(?:button|a|summary) class="button"[^>]*>(.*?)</(?:button|a|summary)>', box, re.DOTALL)
    return {text(label).strip() for label in found}


def refused(html: str) -> dict[str, str]:
    """The labels of the actions that are not open, with the reasons."""
    rows = re.findall(
        r'data-size="sm" disabled[^>]*>([^<]+)</button><p class="todo__hint"[^>]*>(.*?)</p>', html, re.DOTALL
    )
    return {label: text(why).strip() for label, why in rows}


def test_draft_ready_to_be_submitted(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    ready_plan(change, devices)
    html = page_of(as_(cast.author), f"/changes/{change.pk}/")
    assert buttons(html) == {"Submit for assessment", "Build the plan again", "Edit", "Cancel change"}
    assert "Nothing blocks this: it can be submitted" in text(html)


def test_draft_without_a_plan_names_the_reason_at_the_button(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    html = page_of(as_(cast.author), f"/changes/{change.pk}/")
    assert buttons(html) == {"Build the plan", "Edit", "Cancel change"}
    assert refused(html)["Submit for assessment"].startswith("Build the plan and read it first.")
    assert "A plan is missing" in text(html)


def test_peer_sees_one_way_on_and_the_reasons_for_the_rest(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    html = page_of(as_(cast.peer), f"/changes/{change.pk}/")
    assert buttons(html) == {"Review and decide"}
    assert set(refused(html)) == {"Approve as peer", "Withdraw", "Cancel change"}
    assert "PLAN_NOT_OPENED" in refused(html)["Approve as peer"]


def test_author_in_review_sees_who_is_asked_and_why_not_they(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    html = page_of(as_(cast.author), f"/changes/{change.pk}/")
    assert buttons(html) == {"Withdraw", "Cancel change"}
    assert "You wrote this change, so you cannot approve it." in refused(html)["Approve as peer"]
    said = text(html)
    assert "A technical assessment is missing" in said
    assert "colleague or peer can do it" in said


def test_superuser_is_told_that_it_replaces_no_role(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    html = page_of(as_(cast.superuser), f"/changes/{change.pk}/")
    assert buttons(html) == set()
    assert "Being a superuser does not replace the role." in refused(html)["Approve as peer"]


def test_people_and_machines_are_kept_apart(cast: Cast, devices: list[Device], as_: As) -> None:
    change = assessed(cast, devices)
    html = page_of(as_(cast.approver), f"/changes/{change.pk}/")
    people, machines = html.split("Machine checks</h3>")
    assert "by peer" in people
    assert "CAB approval: 1 of 1 to come" in people
    assert "Every device has a plan" in machines
    assert "Every device has a plan" not in people


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("author", {"Set the window", "Start", "Cancel change"}),
        ("implementer", {"Start"}),
        ("manager", {"Set the window", "Cancel change"}),
        ("peer", set()),
    ],
)
def test_approved_change_is_started_by_implementers_alone(
    cast: Cast, devices: list[Device], as_: As, who: str, expected: set[str]
) -> None:
    change = approved(cast, devices)
    html = page_of(as_(getattr(cast, who)), f"/changes/{change.pk}/")
    assert buttons(html) == expected
    assert "Nothing blocks this: it can be started" in text(html)


def test_review_waits_for_a_change_manager(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices), rejected=devices[:1])
    html = page_of(as_(cast.manager), f"/changes/{run.change_id}/")
    assert buttons(html) == {"Close"}
    assert "Only a part of the devices holds the change" in text(html)
    assert "manager can do it" in text(html)
    assert buttons(page_of(as_(cast.author), f"/changes/{run.change_id}/")) == {"Roll back"}


def test_what_people_wrote_is_shown_and_cannot_become_markup(cast: Cast, devices: list[Device], as_: As) -> None:
    evil = "<img src=x onerror=alert(1)>"
    change = draft(
        cast.author,
        title=f"Set {evil}",
        reason=f"Because\n{evil}",
        content=f"banner motd {evil}\n",
        variables={"motto": evil, "snmp_community": "verysecret9", "count": 3, "on": True, "many": ["a", "b"]},
        checks={"pre": [], "post": [{"name": evil, "command": "show version", "expect": "contains", "value": evil}]},
    )
    html = page_of(as_(cast.author), f"/changes/{change.pk}/")
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") >= 6
    assert "verysecret9" not in html
    assert "a, b" in html
    assert ">true<" in html


def test_secrets_in_the_content_are_masked(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author, content="snmp-server community s3cr3t-9 RO\nusername x secret 0 hunter222\n")
    html = page_of(as_(cast.peer), f"/changes/{change.pk}/")
    assert "s3cr3t-9" not in html
    assert "hunter222" not in html
    assert html.count("&lt;hidden:") == 2


def test_targets_and_those_left_out_with_their_reason(cast: Cast, devices: list[Device], as_: As) -> None:
    DeviceFactory.create(name="fra-acc-08", status=DeviceStatus.MAINTENANCE)
    DeviceFactory.create(name="fra-acc-09", pinned=False)
    change = draft(cast.author)
    said = text(page_of(as_(cast.author), f"/changes/{change.pk}/"))
    assert "3 devices match now" in said
    assert "fra-acc-08 is in maintenance. INV_NOT_ACTIVE" in said
    assert "No SSH host key is pinned for fra-acc-09." in said
    ready_plan(change, devices)
    DeviceFactory.create(name="fra-acc-04")
    said = text(page_of(as_(cast.author), f"/changes/{change.pk}/"))
    assert "3 devices in the plan" in said
    assert "fra-acc-04 match now and are not in the plan. Plan again to take this in." in said


def test_rejected_and_canceled_changes_show_where_they_ended(cast: Cast, devices: list[Device], as_: As) -> None:
    change = assessed(cast, devices)
    as_(cast.author).post(f"/changes/{change.pk}/cancel/", {"comment": "Not needed."})
    html = page_of(as_(cast.author), f"/changes/{change.pk}/")
    rail = html[html.index('<ol class="rail"') : html.index("</ol>", html.index('<ol class="rail"'))]
    assert text(rail).split() == [
        "done:",
        "Draft",
        "done:",
        "Assessment",
        "done:",
        "Authorization",
        "ended:",
        "Canceled",
    ]
    assert buttons(html) == set()


@pytest.mark.parametrize("count", [1, 40])
def test_number_of_queries_does_not_grow_with_the_devices(
    cast: Cast, as_: As, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    change = submitted(cast.author, [DeviceFactory.create() for _ in range(count)])
    client = as_(cast.peer)
    page_of(client, f"/changes/{change.pk}/")
    with django_assert_num_queries(21):
        page_of(client, f"/changes/{change.pk}/")


# ---- approvals and timeline


def test_approvals_show_stage_person_digest_and_comment(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    client.get(f"/changes/{change.pk}/plan/")
    assert change.revision
    client.post(
        f"/changes/{change.pk}/assess/", {"plan_digest": change.revision.digest, "comment": "Read <b>every</b> line."}
    )
    html = page_of(client, f"/changes/{change.pk}/approvals/")
    said = text(html)
    assert "1. Technical peer" in said
    assert "Technical peer is asked because the change is a normal change." in said
    assert "Peer · 1 of 1 given" in said
    assert "Read <b>every</b> line." in said
    assert "<b>every" not in html
    assert change.revision.digest in html
    assert "2. CAB" in said
    assert "Waiting for a member of CAB" in said


def test_timeline_tells_the_story_and_keeps_device_steps_apart(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices), rejected=devices[:1])
    client = as_(cast.auditor)
    html = page_of(client, f"/changes/{run.change_id}/timeline/")
    said = text(html)
    for sentence in ("author wrote the change", "peer approved the plan in the stage Peer", "author started it",
                     "worker finished a device: fra-acc-01 is now rolled back", "COMMAND_REJECTED"):  # fmt: skip
        assert sentence in said, sentence
    assert "entered a step" not in said
    assert "entered a step" in text(page_of(client, f"/changes/{run.change_id}/timeline/?steps=1"))
    first = re.search(r'rel="next" href="([^"]+)"', page_of(client, f"/changes/{run.change_id}/timeline/?steps=1"))
    assert first is None or page_of(client, markup.unescape(first[1]))


def test_timeline_turns_pages_by_id(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    client = as_(cast.author)
    for _ in range(2):
        for _ in range(35):
            client.post(f"/changes/{change.pk}/submit/")
        refusals.forget()  # as if a minute were over: who is refused 60 times in one has to wait
    html = page_of(client, f"/changes/{change.pk}/timeline/")
    assert html.count('class="timeline__item"') == 60
    older = re.search(r'rel="next" href="([^"]+)"', html)
    assert older
    rest = page_of(client, markup.unescape(older[1]))
    assert rest.count('class="timeline__item"') == 11
    assert "wrote the change" in rest
    assert "was refused: submit" in text(html)
    assert page_of(client, f"/changes/{change.pk}/timeline/?before=nonsense").count('class="timeline__item"') == 60


def test_execution_tab_lists_runs_or_says_that_nothing_was_sent(cast: Cast, devices: list[Device], as_: As) -> None:
    change = approved(cast, devices)
    assert "Nothing has been sent to any device" in page_of(as_(cast.peer), f"/changes/{change.pk}/execution/")
    run = carried_out(started(cast, devices))
    assert f"/runs/{run.pk}/" in page_of(as_(cast.peer), f"/changes/{run.change_id}/execution/")
