"""What waits for whom: open stages that never lie, reasons, filters, paging, and nothing that approves together."""

import random
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from audit.actor import Actor
from changes.domain.approval_policy.stages import counted_in, stage_open
from changes.domain.errors import ChangeError
from changes.domain.policy import Person, live_approvals, may_act_in
from changes.domain.states import IN_REVIEW, ChangeState
from changes.domain.waiting import Work
from changes.models import ChangeRequest, OpenStage
from changes.services.approvals import change_approve, change_assess, change_reject, change_request_changes, plan_open
from changes.services.delegations import delegation_create
from changes.services.inboxes import waiting_counts, waiting_firsts
from changes.services.open_stages import open_stages_review
from changes.services.people import facts_of, person_of
from changes.services.requests import change_cancel, change_submit, change_withdraw
from changes.services.threads import thread_open
from changes.services.waiting import work_of
from devices.models import Device
from tests.factories import Cast, actor, approved, assessed, draft, joins, ready_plan, submitted


def told() -> set[tuple[int, str, int]]:
    """What the table says: change, group, approvals that are needed."""
    return set(OpenStage.objects.values_list("change_id", "group", "needed"))


def true() -> set[tuple[int, str, int]]:
    """What demand and decisions say, worked out anew for every change."""
    found = set()
    for change in ChangeRequest.objects.select_related("revision"):
        facts = facts_of(change)
        live = live_approvals(facts)
        stage = stage_open(facts.stages, live) if ChangeState(change.state) in IN_REVIEW else None
        if stage is not None:
            needed = stage.quorum - len(counted_in(stage, live))
            found |= {(change.pk, group, needed) for group in stage.groups}
    return found


@pytest.mark.parametrize("seed", range(3))
def test_open_stages_never_lie(cast: Cast, device: Device, seed: int) -> None:
    chance = random.Random(seed)
    changes = [submitted(cast.author, [device], title=f"change {number}") for number in range(2)]
    people = [cast.peer, cast.approver, cast.second_approver, cast.colleague]
    for _ in range(14):
        change = ChangeRequest.objects.select_related("revision").get(pk=chance.choice(changes).pk)
        reviewer, digest = actor(chance.choice(people)), change.revision.digest if change.revision else ""
        if change.revision:
            plan_open(revision=change.revision, actor=reviewer)
        with suppress(ChangeError):
            chance.choice(steps(change, reviewer, actor(cast.author), digest))()
        assert told() == true()
    change_reject_or_cancel(changes, cast)
    assert told() == set()


def steps(change: ChangeRequest, reviewer: Actor, author: Actor, digest: str) -> list[Callable[[], object]]:
    return [
        lambda: change_assess(change_id=change.pk, approver=reviewer, plan_digest=digest),
        lambda: change_approve(change_id=change.pk, approver=reviewer, plan_digest=digest),
        lambda: change_request_changes(change_id=change.pk, approver=reviewer, comment="Say more, please."),
        lambda: change_withdraw(change_id=change.pk, requester=author),
        lambda: change_submit(change_id=change.pk, requester=author),
    ]


def change_reject_or_cancel(changes: list[ChangeRequest], cast: Cast) -> None:
    for change in changes:
        try:
            change_reject(change_id=change.pk, approver=actor(cast.approver), comment="Not like this.")
        except ChangeError:
            change_cancel(change_id=change.pk, actor=actor(cast.author), comment="No longer needed.")


def test_lost_rows_come_back_and_an_expired_approval_opens_its_stage(cast: Cast, device: Device) -> None:
    change = submitted(cast.author, [device])
    OpenStage.objects.all().delete()
    assert open_stages_review() == 1
    assert told() == true() == {(change.pk, "peer", 1)}

    OpenStage.objects.update(until=timezone.now() - timedelta(seconds=1), needed=7)
    assert open_stages_review() == 1
    assert told() == true()


def test_the_inbox_names_group_lacking_approvals_and_the_policys_reason(cast: Cast, device: Device) -> None:
    assessed(cast, [device], title="Waits")
    html = inbox(cast.approver)

    assert "You are one of 3 members of CAB who can decide; 1 more approval is needed." in html
    assert re.search(r'rows__why">[^<]*is asked because', html)


def test_exactly_who_may_act_finds_a_change_in_their_inbox(cast: Cast, device: Device) -> None:
    waiting = [submitted(cast.author, [device]), assessed(cast, [device]), submitted(cast.colleague, [device])]
    for user in User.objects.all():
        person = person_of(actor(user))
        shown = {pk for ids in waits(person).values() for pk in ids}
        assert shown == {change.pk for change in waiting if may_act(person, change)} | own_drafts(person), user


def waits(person: Person) -> dict[Work, list[int]]:
    return {kind: ids for kind, ids in waiting_firsts(person, size=9).changes.items() if isinstance(kind, Work)}


def may_act(person: Person, change: ChangeRequest) -> bool:
    facts = facts_of(ChangeRequest.objects.select_related("revision").get(pk=change.pk))
    stage = stage_open(facts.stages, live_approvals(facts))
    return stage is not None and may_act_in(person, facts, stage).allowed


def own_drafts(person: Person) -> set[int]:
    return set(ChangeRequest.objects.filter(author_id=person.id, state="draft").values_list("pk", flat=True))


def test_who_acts_for_the_absent_finds_it_as_delegated(cast: Cast, device: Device) -> None:
    change = assessed(cast, [device])
    OpenStage.objects.update(delegates=["peer"])
    joins(cast.outsider, "peer")
    now = timezone.now()
    end = (now + timedelta(days=1)).isoformat()
    data = {"delegate": cast.outsider.username, "starts_at": now.isoformat(), "ends_at": end, "reason": "On leave."}
    delegation_create(actor=actor(cast.approver), data=data)

    assert waits(person_of(actor(cast.outsider))) == {Work.DELEGATED: [change.pk]}
    assert "You may decide for approver" in inbox(cast.outsider)
    OpenStage.objects.update(delegates=["security"])
    assert waits(person_of(actor(cast.outsider))) == {}


def test_counts_and_lists_agree_and_cost_one_query_each(
    cast: Cast, device: Device, django_assert_num_queries: object
) -> None:
    submitted(cast.author, [device])
    ready_plan(draft(cast.colleague, title="draft"), [device])
    thread_open(change_id=approved(cast, [device]).pk, actor=actor(cast.peer), text="Why? @colleague")
    for user in (cast.colleague, cast.author, cast.implementer, cast.auditor):
        person = person_of(actor(user))
        with django_assert_num_queries(1):  # type: ignore[operator]
            counts = waiting_counts(person)
        assert counts == {kind: rows.count() for kind, rows in work_of(person).items() if rows.exists()}
        with django_assert_num_queries(1):  # type: ignore[operator]
            assert waiting_firsts(person, size=2).counts == counts


def test_pages_by_key_show_each_change_once_and_the_urgent_first(cast: Cast, device: Device) -> None:
    changes = [draft(cast.author, title=f"draft {number:02}") for number in range(30)]
    soon = timezone.now() + timedelta(hours=2)
    hurried = changes[20]
    ChangeRequest.objects.filter(pk=hurried.pk).update(window_start=soon, window_end=soon + timedelta(hours=1))
    client = signed_in(cast.author)

    first = client.get("/?kind=draft").content.decode()
    next_url = re.search(r'href="(/\?kind=draft&amp;after=[^"]+)"', first)
    assert next_url
    second = client.get(next_url[1].replace("&amp;", "&")).content.decode()

    seen = [re.findall(r"draft \d\d", html.split('id="main"')[1]) for html in (first, second)]
    assert [len(set(part)) for part in seen] == [25, 5]
    assert seen[0][0] == "draft 20"
    assert not set(seen[0]) & set(seen[1])
    assert "Its window opens within a day" in first
    assert seen_titles(client, "/?urgency=urgent") == {"draft 20"}
    for bad in ("/?kind=nothing", "/?after=1~0~x", "/?kind=draft&after=x", "/?who=1", "/?risk=huge"):
        assert client.get(bad).status_code == 400


def seen_titles(client: Client, url: str) -> set[str]:
    return set(re.findall(r"draft \d\d", client.get(url).content.decode().split('id="main"')[1]))


def test_changes_are_compared_side_by_side_and_never_approved_together(cast: Cast, device: Device) -> None:
    one, other = assessed(cast, [device], title="One"), assessed(cast, [device], title="Other")
    client = signed_in(cast.approver)

    html = client.get("/").content.decode()
    forms = re.findall(r'<form method="get" action="/inbox/together/".*?</form>', html, re.DOTALL)
    assert [form.count('type="checkbox"') for form in forms] == [2]
    shown = client.get(f"/inbox/together/?change={one.pk}&change={other.pk}").content.decode()

    assert device.name in shown
    assert f"{one.number} and {other.number}" in shown
    assert "There is no way to approve several at once" in shown
    assert "/approve/" not in shown
    assert client.post("/inbox/together/", {"change": [one.pk, other.pk]}).status_code == 405
    for bad in ("", f"change={one.pk}", f"change={one.pk}&change=99999", "change=x&change=y"):
        assert client.get(f"/inbox/together/?{bad}").status_code == 400


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def inbox(user: User) -> str:
    return signed_in(user).get("/").content.decode()
