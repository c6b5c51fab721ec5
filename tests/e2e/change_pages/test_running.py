"""A plan that is being built and a run that goes on: pages follow by themselves, and stop."""

import re
import uuid

import pytest
from playwright.sync_api import Request, expect

from changes.domain.run_states import DeviceRunState
from changes.domain.states import DevicePlanState, PlanState
from changes.models import DevicePlan, DeviceRun, PlanRevision, Run
from changes.services.journal import Journal
from devices.models import Device
from devices.services.claims import claim_next
from tests.e2e.change_pages.conftest import Open
from tests.factories import Cast, approved, carried_out, draft, ready_plan, started

pytestmark = pytest.mark.e2e

QUIET_MS = 5_000


def journal_of(row: DeviceRun) -> Journal:
    claim = claim_next(DeviceRun.objects.filter(pk=row.pk), owner=uuid.uuid4())
    assert claim
    return Journal(claim)


def test_page_follows_a_plan_that_is_being_built_and_then_is_quiet(
    cast: Cast, devices: list[Device], window: Open
) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    DevicePlan.objects.update(state=DevicePlanState.PENDING)
    PlanRevision.objects.update(state=PlanState.BUILDING)
    opened = window(cast.author)
    page = opened.page
    page.goto(f"/changes/{change.pk}/plan/")
    expect(page.locator("#plan-progress")).to_contain_text("0 of 4 devices")
    DevicePlan.objects.filter(position__lt=3).update(state=DevicePlanState.READY)
    expect(page.locator("#plan-progress")).to_contain_text("3 of 4 devices")
    DevicePlan.objects.update(state=DevicePlanState.READY)
    PlanRevision.objects.filter(pk=revision.pk).update(state=PlanState.READY)
    expect(page.locator("#d-0")).to_be_visible()
    expect(page.get_by_role("button", name="Submit for assessment")).to_be_visible()
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108 - Playwright wants a function
    page.wait_for_timeout(QUIET_MS)
    assert requests == []
    assert opened.complaints == []


def test_run_is_followed_without_losing_the_readers_place(cast: Cast, devices: list[Device], window: Open) -> None:
    run = started(cast, devices)
    opened = window(cast.author)
    page = opened.page
    page.goto(f"/changes/{run.change_id}/runs/{run.pk}/")
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#run-title")).to_contain_text("0 of 4 devices done")
    first, second, *_rest = run.device_runs.order_by("pk")
    page.locator(f"#device-run-{second.pk} summary").click()
    expect(page.locator(f"#record-{second.pk}")).to_contain_text("Not started yet.")
    page.locator(f"#device-run-{second.pk} summary").focus()
    with journal_of(first).step(DeviceRunState.CONNECTING):
        expect(page.locator(f"#device-run-{first.pk}")).to_contain_text("Connecting")
    with journal_of(second).step(DeviceRunState.CONNECTING):
        expect(page.locator(f"#record-{second.pk}")).to_contain_text("Connecting")
        expect(page.locator(f"#device-run-{second.pk} .device-run__row")).to_contain_text("Connecting")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.locator("details.device-run__more[open]").count() == 1
    assert page.evaluate("window.sameDocument") is True
    assert opened.complaints == []


def test_end_of_a_run_says_what_is_next_and_ends_the_polling(cast: Cast, devices: list[Device], window: Open) -> None:
    run = started(cast, devices)
    opened = window(cast.manager)
    page = opened.page
    page.goto(f"/changes/{run.change_id}/runs/{run.pk}/")
    page.locator("details.device-run__more").first.locator("summary").click()
    carried_out(run, rejected=devices[1:2])
    expect(page.locator("#run-title")).to_contain_text("Partial: 3 of 4 devices hold the change")
    expect(page.locator("#change-head")).to_contain_text("Review")
    expect(page.locator(".device-run").nth(1)).to_contain_text("COMMAND_REJECTED")
    expect(page.locator(".record").first).to_contain_text("1 applied, 1 sent, 1 in the plan")
    page.wait_for_timeout(2_500)
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108 - Playwright wants a function
    page.wait_for_timeout(QUIET_MS)
    assert requests == []
    page.get_by_role("link", name="fra-acc-02").first.click()
    expect(page.locator(".record").nth(1)).to_contain_text("No difference")
    page.get_by_role("link", name="Close the change").click()
    expect(page.get_by_label("Close code")).to_have_value("successful_with_issues")
    assert opened.complaints == []


def test_run_is_started_and_read_without_scripts(cast: Cast, devices: list[Device], window: Open) -> None:
    change = approved(cast, devices)
    page = window(cast.author, scripts=False).page
    page.goto(f"/changes/{change.pk}/")
    page.get_by_role("link", name="Start", exact=True).first.click()
    expect(page.get_by_role("heading", name="Start on 4 devices?")).to_be_visible()
    page.get_by_role("button", name="Start now").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    expect(page.locator("#run-title")).to_contain_text("0 of 4 devices done")
    carried_out(Run.objects.get(), rejected=devices[:1])
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator("#run-title")).to_contain_text("Partial: 3 of 4")
    page.locator(".device-run summary").first.click()
    page.get_by_role("link", name="Everything about fra-acc-01 in this run").click()
    expect(page.get_by_role("heading", name="fra-acc-01")).to_be_visible()
    expect(page.get_by_text("No difference")).to_be_visible()
