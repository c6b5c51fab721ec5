"""Every page on a phone, a tablet and a desk, in light and dark: it fits, is accessible, and its console is silent."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, Literal

import pytest
from django.db import transaction
from playwright.sync_api import expect

from audit.models import Event
from audit.recorder import record
from changes.models import DevicePlan
from changes.services.approvals import change_request_changes, plan_open
from changes.services.review import change_close
from devices.models import Device, SnapshotPurpose
from devices.services.snapshots import snapshot_store
from tests.e2e.browsing import DESKTOP, Person
from tests.e2e.pages.conftest import Comes
from tests.factories import (
    BASELINE,
    TARGET,
    Cast,
    PersonFactory,
    actor,
    approved,
    assessed,
    carried_out,
    draft,
    ready_plan,
    started,
    submitted,
)
from tests.sealing import seal_what_waits

pytestmark = pytest.mark.e2e

GLANCES: Final[tuple[tuple[int, Literal["light", "dark"]], ...]] = ((768, "light"), (1440, "dark"), (360, "dark"))
"""Every width and both themes; the last one is judged, as the desk in light was when the page was opened."""
LONG = "An unbreakable title: " + "supercalifragilistic" * 6


def glance(person: Person, name: str) -> None:
    """Look at the page in view once in each width, and in both themes."""
    for width, scheme in GLANCES:
        person.page.emulate_media(color_scheme=scheme)
        person.page.set_viewport_size({"width": width, "height": 900})
        person.fits()
        person.pictures(f"looks/{name}-{width}-{scheme}", whole=True)
    person.checks()
    person.page.emulate_media(color_scheme="light")
    person.page.set_viewport_size(DESKTOP)


@pytest.fixture
def busy(cast: Cast, devices: list[Device]) -> Cast:
    """Changes in many states, with long, hostile and odd texts."""
    ready_plan(draft(cast.author, title="<script>document.title = 'owned'</script>"), devices[:4])
    draft(cast.author, title=LONG)
    sent_back = submitted(cast.author, devices[:3], title="Sent back")
    assert sent_back.revision
    plan_open(revision=sent_back.revision, actor=actor(cast.peer))
    change_request_changes(
        change_id=sent_back.pk,
        approver=actor(cast.peer),
        comment="Keep port 24: it is the uplink of the lobby's display.",
    )
    submitted(cast.author, devices[:10], title="To be assessed")
    assessed(cast, devices[:2], title="To be decided")
    approved(cast, devices[:4], title="To be started")
    started(cast, devices[4:6], title="Being executed")
    carried_out(started(cast, devices[6:9], title="To be closed"), rejected=[devices[7]])
    run = carried_out(started(cast, devices[9:10], title="Done"))
    change_close(change_id=run.change_id, manager=actor(cast.manager), close_code="successful")
    return cast


def test_inbox(busy: Cast, comes: Comes) -> None:
    for who in ("author", "manager", "outsider"):
        person = comes(getattr(busy, who))
        person.goes("/")
        glance(person, f"inbox-{who}")


def test_changes(busy: Cast, comes: Comes) -> None:
    person = comes(busy.author)
    person.goes("/changes/")
    glance(person, "changes")
    person.goes("/changes/?q=nothing+has+this")
    with person.expecting(400):
        person.goes("/changes/?colour=red")
        glance(person, "changes-refused")


def test_form_for_picking_devices(cast: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(cast.author)
    person.goes("/changes/new/?by=devices&site=FRA")
    glance(person, "form-picking")


def test_filled_form(cast: Cast, devices: list[Device], comes: Comes) -> None:
    change = draft(cast.author, targets={"filter": {"site": ["FRA"], "status": ["active"]}})
    person = comes(cast.author)
    person.goes(f"/changes/{change.pk}/edit/")
    glance(person, "form-filled")


def test_form_with_everything_wrong(cast: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(cast.author)
    person.goes("/changes/new/")
    person.page.locator("#id_content").fill("x\n" * 60)
    person.page.locator("#id_variables").fill("a: True\n")
    person.page.locator("#id_post-0-command").fill("reload")
    with person.expecting(422):
        person.clicks("button", "Save and build plan")
        glance(person, "form-refused")


def test_preview_in_the_form(cast: Cast, devices: list[Device], comes: Comes) -> None:
    snapshot_store(device=devices[0], text=BASELINE.format(name="fra-acc-01"), purpose=SnapshotPurpose.PLAN)
    person = comes(cast.author)
    person.goes(f"/changes/new/?by=devices&device_ids={devices[0].pk}")
    person.page.locator("#id_content").fill(f"username bob secret hunter2\nntp server {'x' * 200}\n")
    person.page.get_by_role("button", name="Preview").click()
    person.page.get_by_role("region", name="Preview", exact=True).wait_for()
    glance(person, "form-preview")
    assert "hunter2" not in person.page.locator("#preview").inner_text()


def test_devices(cast: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(cast.peer)
    person.goes("/devices/")
    glance(person, "devices")
    person.goes("/devices/?name=nothing")


def test_device(busy: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(busy.author)
    person.goes(f"/devices/{devices[6].pk}/")
    glance(person, "device")
    person.goes(f"/devices/{devices[10].pk}/")
    glance(person, "device-empty")


def test_configuration(cast: Cast, devices: list[Device], comes: Comes) -> None:
    device = devices[0]
    long_line = f"banner motd ^{'wide ' * 60}^\n"
    for text in (BASELINE, TARGET + long_line):
        snapshot = snapshot_store(device=device, text=text.format(name=device.name), purpose=SnapshotPurpose.AFTER)
    person = comes(cast.peer)
    for view in ("unified", "split"):
        person.goes(f"/devices/{device.pk}/configs/{snapshot.pk}/?view={view}")
        glance(person, f"configuration-{view}")


def test_audit_log(busy: Cast, comes: Comes) -> None:
    person = comes(busy.auditor)
    person.goes("/audit/")
    glance(person, "audit")
    person.goes("/audit/?object_type=change&code=x")
    glance(person, "audit-filtered")


def test_event(busy: Cast, comes: Comes) -> None:
    with transaction.atomic():
        event_id = record(
            actor=actor(busy.author), action="test.wide", object_type="product", object_id="1", object_label=LONG,
            reason="x" * 400, before={"content": "a\n" * 40, "old": 1}, after={"content": "b" * 300, "sum": "a" * 64},
            details={"list": list(range(80)), "nested": {"a": [{"b": "c" * 100}]}},
        )  # fmt: skip
    person = comes(busy.auditor)
    person.goes(f"/audit/{event_id}/")
    glance(person, "event")
    created = Event.objects.filter(action="change.created").order_by("-pk")[0]
    person.goes(f"/audit/{created.pk}/")
    glance(person, "event-created")


def test_a_search_is_kept_and_a_change_is_read_from_its_beginning(
    cast: Cast, devices: list[Device], comes: Comes
) -> None:
    change = carried_out(started(cast, devices[:2])).change
    person = comes(cast.auditor)
    page = person.page
    person.goes(f"/audit/?change_id={change.number}&text=reboot")
    page.locator("summary", has_text="Saved searches").click()
    page.get_by_label("Save these filters as").fill(f"Reboots of this change: {'Reload' * 9}")
    glance(person, "audit-save-search")
    page.get_by_role("button", name="Save the search").click()
    expect(page.get_by_text("ReloadReload is saved")).to_be_visible()
    person.goes("/audit/searches/")
    glance(person, "audit-searches")
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Delete the search").click()
    expect(page.get_by_text("No saved searches yet")).to_be_visible()
    person.goes(f"/audit/changes/{change.pk}/")
    expect(page.get_by_role("link", name="Transcript").first).to_be_visible()
    glance(person, "audit-trail")
    person.clicks("link", "Exact plan bytes")
    glance(person, "audit-plan")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the bytes of").first.click()
    plan = DevicePlan.objects.get(revision=change.revision, position=0)
    assert hashlib.sha256(Path(download.value.path()).read_bytes()).hexdigest() == plan.digest


def test_two_people_redact_a_text(cast: Cast, devices: list[Device], comes: Comes, sealing_key: object) -> None:
    change = draft(
        cast.author, title="Move ACME's line", reason="The password is hunter2. " + "Ask in the office. " * 9
    )
    ready_plan(change, devices[:1])
    created = Event.objects.get(change_id=change.pk, action="change.created")
    with transaction.atomic():
        who, label = actor(cast.author), str(change)
        record(actor=who, action="change.read", object_type="change", object_id=change.pk, object_label=label,
               change_id=change.pk)  # fmt: skip
    morgan, auditor = comes(PersonFactory.create(roles=["change-manager"])), comes(cast.auditor)
    auditor.goes("/audit/redactions/")
    glance(auditor, "redactions-none")
    morgan.goes(f"/audit/{created.pk}/")
    glance(morgan, "event-texts")
    morgan.clicks("link", "Redact a text")
    page = morgan.page
    page.get_by_label("after, reason").check()
    page.get_by_label("after, title").check()
    page.get_by_label(f"label {change}").check()
    page.get_by_label("Also in other events that repeat a chosen text").check()
    glance(morgan, "redact")
    page.get_by_label("Why").fill("It holds the password of a router.")
    page.get_by_role("button", name="Propose the redaction").click()
    expect(page.get_by_text("The redaction is proposed. So are")).to_be_visible()
    glance(morgan, "redaction-proposed")
    seal_what_waits()
    auditor.goes(page.url)
    page = auditor.page
    page.get_by_text("Carry out all").click()
    glance(auditor, "redaction-confirm")
    page.get_by_label("What you made sure of").last.fill("The password is another one now.")
    page.get_by_role("button", name="Take all the texts out").click()
    expect(page.get_by_text("The texts are gone from the log.")).to_be_visible()
    glance(auditor, "redaction-done")
    auditor.goes("/audit/redactions/")
    glance(auditor, "redactions")
    auditor.goes(f"/audit/{created.pk}/")
    expect(page.get_by_role("link", name="redacted")).to_have_count(3)
    expect(page.get_by_text("hunter2")).to_have_count(0)
    expect(page.get_by_text("Move ACME's line")).to_have_count(0)
    glance(auditor, "event-redacted")


def test_audit_log_is_closed_to_others(cast: Cast, comes: Comes) -> None:
    person = comes(cast.author)
    with person.expecting(403):
        person.goes("/audit/")
        glance(person, "audit-refused")


def test_account(cast: Cast, comes: Comes) -> None:
    person = comes(cast.author)
    person.goes("/account/")
    glance(person, "account")


def test_page_after_too_many_attempts(cast: Cast, comes: Comes) -> None:
    person = comes(cast.author)
    person.page.locator("summary.menu__button").click()
    person.clicks("button", "Sign out")
    for attempt in range(5):
        person.page.get_by_label("Username").fill("peer")
        person.page.get_by_label("Password").fill("wrong")
        if attempt < 4:
            person.clicks("button", "Sign in")
    with person.expecting(429):
        person.clicks("button", "Sign in")
        glance(person, "locked")
