"""Speaking about a line where it is read, an inbox that says why, a meeting, and a navigation that fits."""

from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, expect

from changes.models import Approval
from changes.services import meetings
from changes.services.threads import Place, thread_open, thread_reply, thread_resolve
from devices.models import Device
from tests.e2e.accessibility import faults
from tests.e2e.browsing import SCREENSHOTS
from tests.e2e.change_pages.conftest import Open
from tests.e2e.change_pages.test_looks import overflow
from tests.factories import Cast, actor, assessed, carried_out, started, submitted
from tests.integration.approvals.office import in_review, stage

pytestmark = pytest.mark.e2e

VIEWS = [(360, "light"), (1440, "dark")]
if SCREENSHOTS:
    VIEWS = [(width, theme) for width in (360, 768, 1440) for theme in ("light", "dark")]


def test_a_reviewer_speaks_about_a_line_and_resolves_it_in_place(
    cast: Cast, devices: list[Device], window: Open
) -> None:
    change = submitted(cast.author, devices)
    found = window(cast.peer)
    page = found.page
    page.goto(f"/changes/{change.pk}/plan/")
    line = page.locator("tr[data-kind=add]").first
    line.hover()
    line.locator(".diff__say").click()
    form = page.locator("[data-talk-form]")
    expect(form.locator("textarea")).to_be_focused()
    form.locator("textarea").fill("Why this server, @author?")
    form.get_by_role("button", name="Open the thread").click()

    thread = page.locator("article.thread")
    expect(thread).to_contain_text("Why this server, @author?")
    expect(thread.locator(".mention")).to_have_text("@author")
    assert (
        page.evaluate("document.querySelector('article.thread').closest('tr').previousElementSibling.dataset.kind")
        == "add"
    )

    thread.get_by_role("textbox").fill("Answered on the phone.")
    thread.get_by_role("button", name="Resolve").click()
    expect(page.locator("article.thread[data-resolved]")).to_be_visible()
    expect(page.locator("#talk-bar")).to_contain_text("All threads are resolved")
    assert found.complaints == []


def test_the_same_is_done_without_scripts(cast: Cast, devices: list[Device], window: Open) -> None:
    change = submitted(cast.author, devices)
    page = window(cast.peer, scripts=False).page
    page.goto(f"/changes/{change.pk}/plan/")
    page.get_by_role("link", name="Comment on").first.click()
    page.get_by_label("About").select_option("intended:7")
    page.get_by_role("textbox").last.fill("Why this server?")
    page.get_by_role("button", name="Open the thread").click()
    expect(page.locator("article.thread")).to_contain_text("Why this server?")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator("article.thread[data-resolved]")).to_be_visible()


@pytest.fixture
def addresses(cast: Cast, devices: list[Device]) -> dict[str, str]:
    """Pages with what they are for on them."""
    change = assessed(cast, devices, title="Set the NTP server of the access switches in Frankfurt")
    other = assessed(cast, devices[:2], title="Another change for the same switches")
    carried_out(started(cast, devices, title="Went wrong on one of them"), rejected=devices[:1])
    where = Place(devices[0].pk, "", "intended", 7)
    thread = thread_open(
        change_id=change.pk,
        actor=actor(cast.peer),
        text="Is this the server of the new data centre? @manager",
        place=where,
    ).comment.thread
    thread_reply(thread_id=thread.pk, actor=actor(cast.author), text="It is. The old one goes away on Friday.")
    thread_open(change_id=change.pk, actor=actor(cast.approver), text="Which window do we take? @approver @manager")
    done = thread_open(change_id=change.pk, actor=actor(cast.approver), text="Settled", place=Place(devices[0].pk))
    thread_resolve(thread_id=done.comment.thread_id, actor=actor(cast.approver))
    meeting = meetings.meeting_plan(
        data={"title": "CAB", "starts_at": timezone.now(), "chair": "manager"}, actor=actor(cast.manager)
    )
    meetings.meeting_open(meeting_id=meeting.pk, actor=actor(cast.manager))
    meetings.attendance_set(meeting_id=meeting.pk, actor=actor(cast.manager), people=[cast.approver.pk], guests=["Kim"])
    item = meeting.items.first()
    assert item
    meetings.item_minute(
        item_id=item.pk, actor=actor(cast.manager), minutes="We look at it.", outcome="deferred", deferred_to="Monday"
    )
    return {
        "inbox": "/",
        "together": f"/inbox/together/?change={change.pk}&change={other.pk}",
        "plan": f"/changes/{change.pk}/plan/",
        "discussion": f"/changes/{change.pk}/discussion/",
        "new": f"/changes/{change.pk}/discussion/new/?device=0",
        "summary": f"/changes/{change.pk}/",
        "meeting": f"/meetings/{meeting.pk}/",
        "meetings": "/meetings/",
    }


def test_every_page_fits_and_is_accessible(cast: Cast, addresses: dict[str, str], window: Open) -> None:
    found = []
    for width, theme in VIEWS:
        manager, approver = (
            window(cast.manager, width=width, theme=theme),
            window(cast.approver, width=width, theme=theme),
        )
        for name, url in addresses.items():
            shown = manager if name.startswith("meeting") else approver
            shown.page.goto(url)
            picture(shown.page, f"{name}-{width}-{theme}")
            found += [f"{name} {width} {theme}: {rule}" for rule in faults(shown.page)]
            if overflow(shown.page) > 0:
                found.append(f"{name} {width} {theme}: {overflow(shown.page)} px too wide")
        found += manager.complaints + approver.complaints
    assert found == []


def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)


def test_on_a_narrow_screen_the_other_places_are_behind_more(cast: Cast, window: Open) -> None:
    page = window(cast.manager, width=360).page
    page.goto("/meetings/")
    bar = page.locator(".sidenav")
    expect(bar.get_by_role("link", name="Inbox")).to_be_visible()
    expect(bar.get_by_role("link", name="Audit")).to_be_hidden()
    bar.locator("summary").click()
    expect(bar.get_by_role("link", name="Audit")).to_be_visible()
    picture(page, "more-360")
    bar.get_by_role("link", name="CAB meetings").click()
    expect(page).to_have_url("/meetings/")


def test_an_unresolved_thread_holds_the_approval_where_the_policy_says_so_until_it_is_resolved(
    cast: Cast, devices: list[Device], window: Open
) -> None:
    stages = (stage("peer", step="assessment"), stage("cab"))
    with transaction.atomic():
        change = in_review(cast.author, devices, *stages, duties=["resolve_threads"])
    opened = window(cast.peer)
    page = opened.page
    page.goto(f"/changes/{change.pk}/discussion/")
    page.get_by_role("textbox").last.fill("Is the other link up?")
    page.get_by_role("button", name="Open a thread").click()
    expect(page.locator("article.thread")).to_contain_text("Is the other link up?")

    page.goto(f"/changes/{change.pk}/plan/")
    expect(page.get_by_text("1 discussion thread is to be resolved first").first).to_be_visible()
    expect(page.get_by_role("button", name="Approve as peer")).to_be_disabled()
    picture(page, "held-by-a-thread")

    page.goto(f"/changes/{change.pk}/discussion/")
    page.locator("article.thread").get_by_role("button", name="Resolve").click()
    expect(page.locator("article.thread[data-resolved]")).to_be_visible()
    page.goto(f"/changes/{change.pk}/plan/")
    page.get_by_role("button", name="Approve as peer").click()
    expect(page.locator("#messages")).to_contain_text("You approved revision 1 as peer.")
    assert Approval.objects.get().approver == cast.peer
    assert opened.complaints == []
