"""The diff review: what is shown as one, what is not, and that nothing hostile or secret gets through."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from changes.domain.states import DevicePlanState, PlanState
from changes.models import ChangeRequest, DevicePlan, PlanOpening, PlanRevision, ViewedMark
from changes.services.device_work import sha256_hex
from changes.services.requests import change_submit
from devices.models import Device
from tests.factories import BASELINE, DIFF, Cast, DeviceFactory, actor, draft, ready_plan, submitted
from tests.integration.change_pages.conftest import HTMX, As, diff_of, plan_with, reworked, sealed


def body(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def names_in_tree(html: str) -> list[str]:
    return re.findall(r'class="tree__name">([^<]+)<', html)


def test_identical_plans_are_one_diff_with_all_names(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    html = body(as_(cast.peer), f"/changes/{change.pk}/plan/")
    assert html.count("data-device-diff") == 1
    assert "This and 2 identical" in html
    assert names_in_tree(html) == ["fra-acc-01"]
    assert html.count("?device=1") >= 1
    assert "running → intended" in html
    assert "worked out what the commands will do" in html


def test_same_lines_in_another_block_are_not_shown_as_one(cast: Cast, devices: list[Device], as_: As) -> None:
    """The stored group mark knows the changed lines alone; the page must not believe it."""
    change = draft(cast.author)
    lines = (" interface x", "- shutdown", "+ no shutdown")
    plan_with(
        change,
        devices[:2],
        {
            0: {"expected_diff": diff_of(*lines[1:], section="interface Gi1/0/1")},
            1: {"expected_diff": diff_of(*lines[1:], section="interface Gi1/0/48")},
        },
    )
    assert DevicePlan.objects.values("diff_group").distinct().count() == 1
    html = body(as_(cast.author), f"/changes/{change.pk}/plan/")
    assert html.count("data-device-diff") == 2
    assert "interface Gi1/0/48" in html
    assert "The same lines change on fra-acc-01, but in other places or by other commands." in html


@pytest.mark.parametrize("field", ["commands", "backout"])
def test_same_diff_by_other_commands_is_not_shown_as_one(
    cast: Cast, devices: list[Device], as_: As, field: str
) -> None:
    change = draft(cast.author)
    plan_with(change, devices[:2], {1: {field: ("no ntp server 192.0.2.9", "ntp server 192.0.2.123")}})
    assert body(as_(cast.author), f"/changes/{change.pk}/plan/").count("data-device-diff") == 2


def test_line_numbers_and_surroundings_do_not_part_a_group(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    elsewhere = DIFF.replace("@@ -4,4 +4,5 @@", "@@ -40,4 +40,5 @@").replace("desk 1", "desk 77")
    plan_with(change, devices[:2], {1: {"expected_diff": elsewhere}})
    html = body(as_(cast.author), f"/changes/{change.pk}/plan/")
    assert html.count("data-device-diff") == 1
    assert "desk 77" in body(as_(cast.author), f"/changes/{change.pk}/plan/?device=1")


def test_edited_group_mark_hides_no_device(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    plan_with(change, devices[:2], {1: {"commands": ("no aaa new-model",), "expected_diff": diff_of("-aaa new-model")}})
    DevicePlan.objects.update(diff_group="f" * 64, lines_added=0, lines_removed=0)
    html = body(as_(cast.author), f"/changes/{change.pk}/plan/")
    assert "aaa new-model" in html
    assert html.count("data-device-diff") == 2


def test_secrets_are_masked_everywhere_on_the_page(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    page = body(client, f"/changes/{change.pk}/plan/")
    lines = body(client, f"/changes/{change.pk}/plan/0/lines/?first=1&last=7&shift=0&below=1")
    part = body(client, f"/changes/{change.pk}/plan/0/lines/?first=1&last=7&shift=0&below=1", **HTMX)
    for html in (page, lines, part):
        assert "s3cr3t-community" not in html
        assert "&lt;hidden:" in html


def test_device_text_cannot_become_markup_or_hide_itself(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    evil = "description <script>alert(1)</script> \u202egnp.exe \x1b[2J"
    plan_with(
        change,
        devices[:1],
        {0: {"expected_diff": diff_of(f"-{evil}", "+description good"), "commands": (evil,), "backout": (evil,),
             "baseline": f"hostname x\n{evil}\n" * 20}},
    )  # fmt: skip
    client = as_(cast.author)
    for path in ("plan/", "plan/?view=split", "plan/0/lines/?first=1&last=9&shift=0&below=1"):
        html = body(client, f"/changes/{change.pk}/{path}")
        assert "<script>alert" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
        assert "\\u202e" in html


def test_word_marks_and_both_drawings(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    diff = diff_of("-ntp server 192.0.2.9", "+ntp server 192.0.2.10")
    plan_with(change, devices[:1], {0: {"expected_diff": diff}})
    client = as_(cast.author)
    unified = body(client, f"/changes/{change.pk}/plan/?view=unified")
    split = body(client, f"/changes/{change.pk}/plan/?view=split")
    assert "<del>9</del>" in unified
    assert "<ins>10</ins>" in unified
    assert "diff--unified" in unified
    assert "diff--split" in split
    client.cookies["diff"] = "split"
    assert "diff--split" in body(client, f"/changes/{change.pk}/plan/")
    assert "diff--unified" in body(client, f"/changes/{change.pk}/plan/?view=unified")
    assert "diff--split" in body(client, f"/changes/{change.pk}/plan/?view=nonsense")


def test_opening_a_ready_plan_is_recorded_and_an_old_one_is_not(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    first = ready_plan(change, devices)
    second = ready_plan(change, devices, commands=("ntp server 192.0.2.124",))
    client = as_(cast.peer)
    body(client, f"/changes/{change.pk}/plan/?revision={first.number}")
    assert not PlanOpening.objects.filter(person=cast.peer).exists()
    body(client, f"/changes/{change.pk}/plan/")
    body(client, f"/changes/{change.pk}/plan/")
    assert list(PlanOpening.objects.filter(person=cast.peer).values_list("revision", flat=True)) == [second.pk]


def test_other_tabs_do_not_count_as_opening_the_plan(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    for path in ("", "approvals/", "timeline/", "plan/0/lines/?first=1&last=2&shift=0&below=1"):
        body(as_(cast.peer), f"/changes/{change.pk}/{path}")
    assert not PlanOpening.objects.filter(person=cast.peer).exists()


def test_old_revision_is_shown_and_cannot_be_decided_on(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    ready_plan(change, devices)
    ready_plan(change, devices, commands=("ntp server 192.0.2.124",))
    html = body(as_(cast.author), f"/changes/{change.pk}/plan/?revision=1")
    assert "This is not the plan that counts." in html
    assert "ntp server 192.0.2.123" in html
    assert 'id="decision"' not in html
    assert "data-key-viewed" not in html
    assert as_(cast.author).get(f"/changes/{change.pk}/plan/?revision=9").status_code == 404


def test_device_that_the_plan_does_not_change_is_not_found(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    revision.device_plans.filter(position=2).update(state=DevicePlanState.UNCHANGED)
    client = as_(cast.author)
    assert client.get(f"/changes/{change.pk}/plan/?device=2").status_code == 404
    assert client.get(f"/changes/{change.pk}/plan/?device=99").status_code == 404
    html = body(client, f"/changes/{change.pk}/plan/")
    assert "Already as wanted" in html
    assert "This and 1 identical" in html


def test_stored_plan_that_cannot_be_read_is_said_to_be_broken(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    DevicePlan.objects.filter(position=1).update(payload='{"schema": "other"}')
    html = body(as_(cast.peer), f"/changes/{change.pk}/plan/")
    assert "The stored plan cannot be read" in html
    assert "PLAN_HASH_MISMATCH" in html
    DevicePlan.objects.filter(position=1).update(payload="not even JSON")
    assert "The stored plan cannot be read" in body(as_(cast.peer), f"/changes/{change.pk}/plan/")


# ---- viewed marks


def mark(
    client: Client, change_id: int, plan: DevicePlan, *, viewed: str = "1", query: str = "", **headers: str
) -> Any:  # noqa: ANN401 - the test client's response
    return client.post(
        f"/changes/{change_id}/plan/{plan.position}/viewed/{query}",
        {"digest": plan.digest, "viewed": viewed},
        headers=headers,
    )


def test_one_mark_covers_the_group_with_each_devices_own_digest(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    plans = list(DevicePlan.objects.order_by("position"))
    client = as_(cast.peer)
    answer = mark(client, change.pk, plans[0])
    assert answer.status_code == 302
    assert answer["Location"] == f"/changes/{change.pk}/plan/#d-0"
    marks = ViewedMark.objects.filter(person=cast.peer).order_by("device_id")
    assert [(m.device_id, m.digest) for m in marks] == [(plan.device_id, plan.digest) for plan in plans]
    assert "<b>3</b> of 3 viewed" in body(client, f"/changes/{change.pk}/plan/")
    assert "<b>0</b> of 3 viewed" in body(as_(cast.approver), f"/changes/{change.pk}/plan/")
    mark(client, change.pk, plans[0], viewed="0")
    assert not ViewedMark.objects.exists()


def test_marking_a_group_costs_the_same_whatever_its_size(
    cast: Cast, as_: As, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    change = submitted(cast.author, [DeviceFactory.create(pinned=False) for _ in range(60)])
    plan = DevicePlan.objects.get(position=0)
    client = as_(cast.peer)
    with django_assert_num_queries(15):
        mark(client, change.pk, plan)
    assert ViewedMark.objects.count() == 60
    mark(client, change.pk, plan)
    assert ViewedMark.objects.count() == 60


def test_mark_on_one_device_alone_covers_it_alone(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    plan = DevicePlan.objects.get(position=1)
    mark(as_(cast.peer), change.pk, plan, query="?device=1")
    assert [m.device_id for m in ViewedMark.objects.all()] == [plan.device_id]


def test_mark_lapses_where_the_digest_changes_and_stands_where_not(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    ready_plan(change, devices)
    client = as_(cast.author)
    mark(client, change.pk, DevicePlan.objects.get(position=0))
    again = ready_plan(change, devices)
    reworked(again.device_plans.get(position=2), commands=("ntp server 192.0.2.99",))
    sealed(again)
    html = body(client, f"/changes/{change.pk}/plan/")
    assert "<b>2</b> of 3 viewed" in html


def test_mark_for_a_plan_that_was_replaced_is_refused(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    seen = ready_plan(change, devices).device_plans.get(position=0)
    ready_plan(change, devices, commands=("ntp server 192.0.2.124",))
    answer = mark(as_(cast.author), change.pk, seen)
    assert answer.status_code == 409
    assert not ViewedMark.objects.exists()
    assert 'role="alert"' in answer.content.decode()


def test_mark_by_htmx_brings_the_box_the_count_and_the_trees_line(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    answer = mark(as_(cast.peer), change.pk, DevicePlan.objects.get(position=0), **HTMX)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.lstrip().startswith('<article class="device-diff" id="d-0"')
    assert "data-viewed" in html
    assert "<b>3</b> of 3 viewed" in html
    assert 'id="t-0" hx-swap-oob="true"' in html
    assert "<html" not in html


# ---- folds


def test_folded_lines_come_in_steps_and_as_a_page(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    baseline = "".join(f"line {number}\n" for number in range(1, 501))
    plan_with(change, devices[:1], {0: {"baseline": baseline, "expected_diff": diff_of("+ntp server x", at=400)}})
    client = as_(cast.author)
    html = body(client, f"/changes/{change.pk}/plan/")
    fold = re.search(r'href="(/changes/\d+/plan/0/lines/[^"]+)"', html)
    assert fold
    assert "400 unchanged lines" in html
    assert "100 unchanged lines" in html  # after the hunk
    address = fold[1].replace("&amp;", "&")
    part = body(client, address, **HTMX)
    assert "line 400<" in part
    assert "line 321<" in part
    assert "line 320<" not in part
    assert "320 unchanged lines" in part
    assert "<table" not in part
    page = body(client, address)
    assert "Unchanged lines 1 to 400" in page
    assert "line 1<" in page


@pytest.mark.parametrize(
    "query",
    ["", "?first=0&last=3&shift=0&below=1", "?first=9&last=3&shift=0&below=1", "?first=x&last=3&shift=0&below=1",
              "?first=1&last=3&shift=-5&below=1", "?first=1&last=99999999999&shift=0&below=1"],
)  # fmt: skip
def test_fold_that_names_no_lines_is_not_found(cast: Cast, devices: list[Device], as_: As, query: str) -> None:
    change = submitted(cast.author, devices)
    assert as_(cast.peer).get(f"/changes/{change.pk}/plan/0/lines/{query}").status_code == 404


def test_fold_beyond_the_end_brings_what_there_is(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    path = f"/changes/{change.pk}/plan/0/lines/?first=5&last=5000&shift=0&below=0"
    assert BASELINE.splitlines()[4] in body(client, path)
    assert "data-kind" in body(client, path, **HTMX)


# ---- large plans


def test_of_a_plan_with_500_devices_one_group_is_drawn(
    cast: Cast, as_: As, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    change = draft(cast.author)
    devices = [DeviceFactory.create(name=f"dev-{number:03}", pinned=False) for number in range(500)]
    ready_plan(change, devices)
    # Every tenth device: other lines, so another stored group.
    for plan in DevicePlan.objects.filter(position__in=range(0, 500, 10)).select_related("device"):
        reworked(plan, expected_diff=diff_of(f"+vlan {plan.position + 1}"), commands=(f"vlan {plan.position + 1}",))
        DevicePlan.objects.filter(pk=plan.pk).update(diff_group=sha256_hex(str(plan.position)))
    sealed(change.revision)  # type: ignore[arg-type]
    client = as_(cast.author)
    body(client, f"/changes/{change.pk}/plan/")
    with django_assert_num_queries(18):
        html = body(client, f"/changes/{change.pk}/plan/")
    assert html.count("data-device-diff") == 1
    assert len(names_in_tree(html)) == 51
    assert 'rel="next"' in html
    assert len(html) < 200_000
    assert "vlan 1<" in body(client, f"/changes/{change.pk}/plan/?group={sha256_hex('0')[:16]}")


def test_queries_do_not_grow_with_the_devices(
    cast: Cast, as_: As, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    change = draft(cast.author)
    ready_plan(change, [DeviceFactory.create(pinned=False) for _ in range(30)])
    for plan in DevicePlan.objects.select_related("device"):
        reworked(plan, commands=(f"ntp server 192.0.2.{plan.position}",))
    sealed(change.revision)  # type: ignore[arg-type]
    client = as_(cast.author)
    body(client, f"/changes/{change.pk}/plan/")
    with django_assert_num_queries(18):
        html = body(client, f"/changes/{change.pk}/plan/")
    assert html.count("data-device-diff") == 25
    assert body(client, f"/changes/{change.pk}/plan/?start=25").count("data-device-diff") == 5


# ---- a plan that is not ready


def building(change_id: int, *, done: int) -> None:
    plans = DevicePlan.objects.filter(revision__change_id=change_id)
    plans.update(state=DevicePlanState.PENDING)
    plans.filter(position__lt=done).update(state=DevicePlanState.READY)
    change_revision = plans[0].revision
    change_revision.state = PlanState.BUILDING
    change_revision.save(update_fields=["state"])


@pytest.mark.parametrize("page", ["", "plan/"])
def test_progress_is_polled_until_the_plan_is_there(cast: Cast, devices: list[Device], as_: As, page: str) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    building(change.pk, done=1)
    client, path = as_(cast.author), f"/changes/{change.pk}/{page}"
    html = body(client, path)
    assert "1 of 3 devices" in html
    assert "<noscript>" in html
    poll = re.search(r'hx-get="([^"]+)" hx-trigger="every 2s"', html)
    assert poll
    assert client.get(poll[1], headers=HTMX).status_code == 204
    building(change.pk, done=2)
    moved = client.get(poll[1], headers=HTMX)
    assert moved.status_code == 200
    assert "2 of 3 devices" in moved.content.decode()
    assert "<html" not in moved.content.decode()
    DevicePlan.objects.update(state=DevicePlanState.READY)
    revision.refresh_from_db()
    revision.state = PlanState.READY
    revision.save()
    last = client.get(poll[1], headers=HTMX)
    assert last.status_code == 286
    assert last["HX-Retarget"] == "#main"
    assert 'id="main"' in last.content.decode()
    assert "every 2s" not in last.content.decode()


def test_failed_plan_names_each_device_with_reason_and_next_step(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    revision.device_plans.filter(position=1).update(
        state=DevicePlanState.FAILED, code="TEMPLATE_ERROR", detail="Line 1: <b>ntp</b> is not a variable."
    )
    revision.state, revision.code, revision.detail = PlanState.FAILED, "TEMPLATE_ERROR", "1 of 3 devices"
    revision.save()
    for page in ("", "plan/"):
        html = body(as_(cast.author), f"/changes/{change.pk}/{page}")
        assert "fra-acc-02" in html
        assert "TEMPLATE_ERROR" in html
        assert "Line 1: &lt;b&gt;ntp&lt;/b&gt; is not a variable." in html
        assert "Correct the named line or variable in the content, then plan again." in html
        assert "<b>ntp" not in html
    assert 'id="decision"' not in body(as_(cast.author), f"/changes/{change.pk}/plan/")


def test_code_that_no_catalogue_knows_is_shown_with_its_own_words(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices[:1])
    revision.device_plans.update(state=DevicePlanState.FAILED, code="NEW_CODE", detail="The stars stood badly.")
    revision.state = PlanState.FAILED
    revision.save()
    html = body(as_(cast.author), f"/changes/{change.pk}/")
    assert "NEW_CODE" in html
    assert "The stars stood badly." in html


def test_plan_that_would_change_nothing_says_so(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    revision.device_plans.update(state=DevicePlanState.UNCHANGED, code="PLAN_EMPTY")
    revision.state, revision.code, revision.detail = PlanState.FAILED, "PLAN_EMPTY", "Every device is as wanted."
    revision.save()
    html = body(as_(cast.author), f"/changes/{change.pk}/plan/")
    assert "There is nothing to change" in html
    assert "if the devices are already as wanted, cancel the change." in html
    assert "Already as wanted" in html
    assert "data-device-diff" not in html
    assert "There is nothing to change" in body(as_(cast.author), f"/changes/{change.pk}/")


def test_change_without_a_plan_offers_to_build_one(cast: Cast, as_: As) -> None:
    change = draft(cast.author)
    html = body(as_(cast.author), f"/changes/{change.pk}/plan/")
    assert "There is no plan yet" in html
    assert f'action="/changes/{change.pk}/plan/build/"' in html
    assert f'action="/changes/{change.pk}/plan/build/"' not in body(as_(cast.peer), f"/changes/{change.pk}/plan/")


@contextmanager
def being_built(change: ChangeRequest) -> Iterator[None]:
    """What a plan warns of stays as it is once the plan is closed."""
    assert change.revision
    rows = PlanRevision.objects.filter(pk=change.revision.pk)
    rows.update(state=PlanState.BUILDING)
    yield
    rows.update(state=PlanState.READY)


def test_warnings_stand_at_the_diff_and_say_for_how_many(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    ready_plan(change, devices)
    with being_built(change):
        DevicePlan.objects.filter(position__lt=2).update(
            warnings=[{"line": "shutdown", "sentence": "This line shuts an interface."}]
        )
    change_submit(change_id=change.pk, requester=actor(cast.author))
    html = body(as_(cast.peer), f"/changes/{change.pk}/plan/")
    assert "This line shuts an interface. (2 of 3 devices)" in html
    assert "<code>shutdown</code>" in html
    assert "Warnings on 2 devices" in body(as_(cast.peer), f"/changes/{change.pk}/")


def test_the_plan_says_which_device_comes_in_which_wave(cast: Cast, client: Client) -> None:
    devices = DeviceFactory.create_batch(5)
    change = submitted(cast.author, devices, strategy={"canary": 1, "batch_percent": 40, "gate": "after_canary"})
    client.force_login(cast.peer)
    html = client.get(f"/changes/{change.pk}/plan/").content.decode()
    rollout = html[html.index('id="rollout"') : html.index("</ol>", html.index('id="rollout"'))]
    assert "3 waves, one after the other" in rollout
    parts = rollout.split("<summary>")[1:]
    assert [part.partition(" <")[0] for part in parts] == ["Canary", "Wave 2", "Wave 3"]
    assert [[name for name in sorted(d.name for d in devices) if f"<li>{name}</li>" in part] for part in parts] == [
        [devices[0].name], [devices[1].name, devices[2].name], [devices[3].name, devices[4].name],
    ]  # fmt: skip
    assert [("then a person" in part) for part in parts] == [True, False, False]
    assert html.count("all the same") == 1, "the wave makes no diff a different one"
