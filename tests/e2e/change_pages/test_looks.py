"""Every page about a change, in several states: accessible, inside the window, and silent."""

import pytest
from playwright.sync_api import Page

from changes.domain.states import DevicePlanState, PlanState
from changes.models import DevicePlan, PlanRevision
from devices.models import Device
from tests.e2e.accessibility import faults
from tests.e2e.change_pages.conftest import Open
from tests.factories import Cast, approved, assessed, carried_out, draft, ready_plan, started

pytestmark = pytest.mark.e2e


def overflow(page: Page) -> int:
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


@pytest.fixture
def addresses(cast: Cast, devices: list[Device]) -> dict[str, str]:
    """One change in each of several states, and the pages that show most of them."""
    building, failed = draft(cast.author), draft(cast.author)
    ready_plan(building, devices)
    PlanRevision.objects.filter(change=building).update(state=PlanState.BUILDING)
    ready_plan(failed, devices)
    plans = DevicePlan.objects.filter(revision__change=failed)
    plans.filter(position=1).update(state=DevicePlanState.FAILED, code="TEMPLATE_ERROR", detail="Line 1: no such name.")
    PlanRevision.objects.filter(change=failed).update(
        state=PlanState.FAILED, code="TEMPLATE_ERROR", detail="One failed."
    )
    plans.filter(position=0).update(warnings=[{"line": "shutdown", "sentence": "This shuts an interface."}])
    review, ready = assessed(cast, devices), approved(cast, devices)
    run = carried_out(started(cast, devices), rejected=devices[:1])
    live = started(cast, devices)
    first = run.device_runs.order_by("pk").first()
    assert first
    return {
        "summary": f"/changes/{review.pk}/",
        "plan": f"/changes/{review.pk}/plan/",
        "split": f"/changes/{review.pk}/plan/?view=split",
        "building": f"/changes/{building.pk}/plan/",
        "failed": f"/changes/{failed.pk}/plan/",
        "failed summary": f"/changes/{failed.pk}/",
        "approvals": f"/changes/{review.pk}/approvals/",
        "timeline": f"/changes/{run.change_id}/timeline/?steps=1",
        "execution": f"/changes/{run.change_id}/execution/",
        "start": f"/changes/{ready.pk}/start/",
        "cancel": f"/changes/{ready.pk}/cancel/",
        "close": f"/changes/{run.change_id}/close/",
        "lines": f"/changes/{review.pk}/plan/0/lines/?first=1&last=7&shift=0&below=1",
        "run": f"/changes/{run.change_id}/runs/{run.pk}/#device-run-{first.pk}",
        "live run": f"/changes/{live.change_id}/runs/{live.pk}/",
        "record": f"/changes/{run.change_id}/runs/{run.pk}/devices/{first.pk}/",
    }


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (360, "dark")])
def test_pages_are_accessible_fit_and_are_silent(
    cast: Cast, addresses: dict[str, str], window: Open, width: int, theme: str
) -> None:
    opened = window(cast.colleague, width=width, theme=theme)
    page = opened.page
    problems = []
    for name, address in addresses.items():
        page.goto(address)
        closed = page.locator("main details:not([open]):not([data-menu]) > summary").all()
        for disclosure in closed:
            if disclosure.is_visible():
                disclosure.click()
        if closed:
            page.wait_for_load_state("networkidle")  # some fetch what they show
        problems += [f"{name}: {found}" for found in faults(page)]
        for windows_width in (width, 768):
            page.set_viewport_size({"width": windows_width, "height": 900})
            if overflow(page) > 0:
                problems.append(f"{name}: {overflow(page)} px too wide at {windows_width} px")
        page.set_viewport_size({"width": width, "height": 900})
    assert problems == []
    assert opened.complaints == []


def test_controls_on_a_phone_are_large_enough_for_a_finger(cast: Cast, addresses: dict[str, str], window: Open) -> None:
    page = window(cast.approver, width=360).page
    small = []
    for name in ("summary", "plan", "run", "close", "start"):
        page.goto(addresses[name])
        small += page.eval_on_selector_all(
            "main .button, main .viewed__button, main .tabs__link, main .tree__link, main .tree__member,"
            " main .diff__fold a, main summary, main select",
            "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 35.5).map(e => e.outerHTML)",
        )
    assert small == []


def test_focus_is_not_hidden_behind_the_decision(cast: Cast, addresses: dict[str, str], window: Open) -> None:
    page = window(cast.approver).page
    page.goto(addresses["plan"])
    for _ in range(60):
        page.keyboard.press("Tab")
        covered = page.evaluate(
            """() => {
              const e = document.activeElement, bar = document.querySelector('.signing');
              if (!e || e === document.body || bar.contains(e)) return false;
              const a = e.getBoundingClientRect(), b = bar.getBoundingClientRect();
              return a.top >= b.top && a.bottom <= b.bottom && a.height > 0;
            }"""
        )
        assert not covered, page.evaluate("document.activeElement.outerHTML")
