"""The discussion on pages, with and without htmx: at the line, in the tree, beside the decision, on its own page."""

import re

import pytest
from django.test import Client

from changes.models import ChangeRequest, Thread, ThreadState
from changes.services.requests import change_withdraw
from changes.services.threads import Place, thread_open, thread_resolve
from devices.models import Device
from tests.factories import DIFF, Cast, actor, ready_plan, submitted

HTMX = {"HX-Request": "true"}


@pytest.fixture
def change(cast: Cast, device: Device) -> ChangeRequest:
    return submitted(cast.author, [device])


@pytest.fixture
def peer(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.peer)
    return client


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


def new(change: ChangeRequest, query: str = "device=0&side=intended&line=7") -> str:
    return f"/changes/{change.pk}/discussion/new/?{query}"


def test_a_link_at_each_line_opens_a_form_and_the_thread_stands_below_its_line(
    change: ChangeRequest, peer: Client
) -> None:
    plan = page(peer, f"/changes/{change.pk}/plan/")
    assert f'href="/changes/{change.pk}/discussion/new/?device=0&amp;side=intended&amp;line=7"' in plan

    form = page(peer, new(change))
    assert "ntp server 192.0.2.123" in form
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', form)
    assert digest

    answer = peer.post(new(change), {"text": "Is <b>this</b> right, @author and @nobody?", "digest": digest[1]})
    assert answer.status_code == 302
    after = page(peer, answer["Location"])
    row = after[after.index("ntp server 192.0.2.123</td>") :][:4000]
    assert "Is &lt;b&gt;this&lt;/b&gt; right, " in row
    assert '<strong class="mention">@author</strong>' in row
    assert "Nobody is called @nobody" in after
    assert re.search(r'class="tree__talk">.*?</svg>1<|class="tree__talk">.*?1</span>', after, re.DOTALL)
    assert "1 unresolved thread" in after


def test_htmx_puts_the_form_and_then_the_thread_below_the_line(change: ChangeRequest, peer: Client) -> None:
    form = peer.get(new(change), headers=HTMX).content.decode()
    assert form.lstrip().startswith('<tr class="diff__talk" data-talk-form')

    empty = peer.post(new(change), {"text": " "}, headers=HTMX)
    assert (empty.status_code, "Write what you want to say" in empty.content.decode()) == (400, True)

    row = peer.post(new(change), {"text": "Why?"}, headers=HTMX).content.decode()
    assert row.lstrip().startswith('<tr class="diff__talk"')
    assert "Why?" in row


def test_a_thread_whose_line_is_gone_is_shown_as_outdated(
    change: ChangeRequest, cast: Cast, device: Device, peer: Client
) -> None:
    place = Place(device.pk, "", "intended", 7)
    said = thread_open(change_id=change.pk, actor=actor(cast.peer), text="Why this one?", place=place)
    change_withdraw(change_id=change.pk, requester=actor(cast.author))
    change.refresh_from_db()
    ready_plan(change, [device], commands=("ntp server 192.0.2.7",), diff=DIFF.replace("0.2.123", "0.2.7"))

    plan = page(peer, f"/changes/{change.pk}/plan/")
    head = plan[plan.index(f'id="thread-{said.comment.thread_id}"') :]
    assert "outdated" in head[:1500]
    assert "This line is not in the present plan" in head[:3000]
    assert head.index("ntp server 192.0.2.123") < head.index('class="diff ')


def test_a_thread_follows_its_line_to_another_number(
    change: ChangeRequest, cast: Cast, device: Device, peer: Client
) -> None:
    thread_open(change_id=change.pk, actor=actor(cast.peer), text="Why?", place=Place(device.pk, "", "intended", 7))
    change_withdraw(change_id=change.pk, requester=actor(cast.author))
    change.refresh_from_db()
    ready_plan(change, [device], diff=DIFF.replace("@@ -4,4 +4,5 @@", "@@ -24,4 +24,5 @@"))

    assert "line 27" in page(peer, f"/changes/{change.pk}/discussion/")
    assert "outdated" not in page(peer, f"/changes/{change.pk}/plan/")


def test_answers_and_resolving_come_back_where_they_were_given(change: ChangeRequest, cast: Cast, peer: Client) -> None:
    thread = thread_open(change_id=change.pk, actor=actor(cast.peer), text="Why?").comment.thread
    url = f"/changes/{change.pk}/discussion/{thread.pk}/"

    said = peer.post(f"{url}reply/", {"text": "Nobody?", "source": "discussion"})
    assert said["Location"] == f"/changes/{change.pk}/discussion/#thread-{thread.pk}"
    partial = peer.post(f"{url}resolve/", {"source": "plan", "text": ""}, headers=HTMX).content.decode()
    assert "Open again" in partial
    assert 'id="talk-bar" hx-swap-oob="true"' in partial
    refused = peer.post(f"{url}resolve/", {"source": "discussion"})
    assert (refused.status_code, "resolved already" in refused.content.decode()) == (409, True)
    peer.post(f"{url}reopen/", {"source": "discussion"})
    assert Thread.objects.get().state == ThreadState.OPEN
    assert peer.get(f"{url}reply/").status_code == 302
    assert peer.post(f"/changes/{change.pk + 1}/discussion/{thread.pk}/reply/").status_code == 404


def test_open_threads_stand_beside_the_decision_and_on_the_change(
    change: ChangeRequest, cast: Cast, peer: Client
) -> None:
    thread_open(change_id=change.pk, actor=actor(cast.approver), text="Which window?")
    other = thread_open(change_id=change.pk, actor=actor(cast.approver), text="Settled already").comment.thread
    thread_resolve(thread_id=other.pk, actor=actor(cast.approver))

    plan = page(peer, f"/changes/{change.pk}/plan/")
    beside = plan[plan.index('class="open-threads"') :]
    assert "Which window?" in beside
    assert "Settled already" not in beside
    assert "Which window?" in page(peer, f"/changes/{change.pk}/")


def test_an_auditor_reads_and_has_no_form(change: ChangeRequest, cast: Cast) -> None:
    thread_open(change_id=change.pk, actor=actor(cast.peer), text="Why?")
    client = Client()
    client.force_login(cast.auditor)

    shown = page(client, f"/changes/{change.pk}/discussion/")
    assert "Why?" in shown
    assert "auditors only read" in shown
    assert "<textarea" not in shown
    assert "diff__say" not in page(client, f"/changes/{change.pk}/plan/")
    assert client.post(f"/changes/{change.pk}/discussion/", {"text": "I say"}).status_code == 403
    assert client.get(new(change, "device=0&who=1")).status_code == 400
    assert client.get(new(change, "device=9")).status_code == 404
