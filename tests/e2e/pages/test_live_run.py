"""The page of a run over 2,000 devices while it goes on: it follows, and leaves its reader's place alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from changes.domain.run_states import DeviceRunState, WaveState
from changes.models import DeviceRun, Run
from changes.services.run_control import wave_moves
from tests.e2e.browsing import Person
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast
from tests.large_runs import large_run, moves

pytestmark = pytest.mark.e2e

PLACE = """(id) => {
  const row = document.getElementById(id);
  return { top: Math.round(row.getBoundingClientRect().top), focus: document.activeElement.closest("li")?.id ?? "",
    open: [...document.querySelectorAll("details[open]")].map((each) => each.id || each.closest("li").id).join(),
    text: getSelection().toString(), same: window.sameDocument === true };
}"""


def opened(person: Person, run: Run, query: str = "") -> Page:
    person.goes(f"/changes/{run.change_id}/runs/{run.pk}/{query}")
    person.page.evaluate("window.sameDocument = true")
    return person.page


def polled(page: Page) -> None:
    """Wait for the next poll that brought something, and for what it brought."""
    with page.expect_response(lambda answer: "/live/" in answer.url and answer.status == 200):
        pass
    page.wait_for_timeout(100)


def test_a_reader_of_2000_devices_keeps_the_place(comes: Comes, cast: Cast) -> None:
    run = large_run(cast)
    person = comes(cast.implementer)
    page = opened(person, run)
    expect(page.locator("#run-title")).to_contain_text("of 2,000 devices done")
    expect(page.locator("#wave-3")).to_have_attribute("open", "")
    assert page.locator("*").count() < 2_500
    person.looks("run-2000")
    page = opened(person, run)
    page.locator("#wave-3 details.site > summary").nth(4).click()
    rows = page.locator("#wave-3 li.device-run")
    expect(rows).to_have_count(33)
    row = rows.nth(20)
    row.locator("summary").first.click()
    expect(row.locator(".record")).to_be_visible()
    row.locator("summary").first.focus()
    page.evaluate("scrollBy(0, 300)")
    name = str(row.get_attribute("id"))
    page.evaluate("(id) => getSelection().selectAllChildren(document.querySelector(`#${id} .device-run__name`))", name)
    before = page.evaluate(PLACE, name)
    assert before["text"]
    # Devices above, below and in this very row go on; one more fails, which makes the page grow above the row.
    shown = [int(str(each.get_attribute("id")).removeprefix("device-run-")) for each in rows.all()]
    waiting = DeviceRun.objects.filter(pk__in=shown, state=DeviceRunState.PENDING)
    moved = [*waiting[:3], DeviceRun.objects.get(pk=int(name.removeprefix("device-run-")))]
    for each in moved:
        moves(each, DeviceRunState.FAILED, code="TIMEOUT", detail="The device stopped answering.")
    polled(page)
    expect(page.locator("#run-advice")).to_contain_text("TIMEOUT")
    expect(row).to_contain_text("Failed")
    after = page.evaluate(PLACE, name)
    assert abs(after.pop("top") - before.pop("top")) <= 2  # parts of a pixel
    assert after == before
    person.fits()


def test_the_filter_lets_devices_in_as_they_come(comes: Comes, cast: Cast) -> None:
    run = large_run(cast, 300)
    person = comes(cast.implementer)
    page = opened(person, run)
    page.locator("#chip-failed").click()
    expect(page).to_have_url(re.compile(r"/\?state=failed$"))
    expect(page.locator("#chip-failed")).to_have_attribute("aria-current", "true")
    count = run.device_runs.filter(state=DeviceRunState.FAILED).count()
    expect(page.locator("li.device-run")).to_have_count(count)
    new = run.device_runs.filter(state=DeviceRunState.PENDING, wave__number=3).first()
    assert new
    moves(new, DeviceRunState.FAILED, code="TIMEOUT", detail="The device stopped answering.")
    expect(page.locator(f"#device-run-{new.pk}")).to_contain_text("TIMEOUT")
    expect(page.locator("li.device-run")).to_have_count(count + 1)
    moves(new, DeviceRunState.PENDING)
    expect(page.locator(f"#device-run-{new.pk}")).to_have_attribute("data-other", "")
    expect(page.locator(f"#device-run-{new.pk}")).to_contain_text("Pending")
    page.get_by_label("Name").fill("sw-0007")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"/\?state=failed&name=sw-0007"))
    with person.expecting(400):
        person.goes(f"/changes/{run.change_id}/runs/{run.pk}/?state=green")
    expect(page.get_by_role("alert")).to_contain_text("“green” is no state.")


def test_a_gate_is_told_without_a_reload_and_a_hidden_page_asks_seldom(comes: Comes, cast: Cast) -> None:
    run = large_run(cast, 40)
    person = comes(cast.implementer)
    page = opened(person, run)
    gate = page.get_by_role("link", name="Look and decide")
    expect(gate).to_have_count(0)
    expect(page.locator("#run-news")).to_be_empty()
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true })")
    page.evaluate("window.away = true")
    page.wait_for_timeout(300)  # for a request that is on its way
    person.requests.clear()
    wave = run.waves.get(number=3)
    for each in run.device_runs.filter(wave=wave).exclude(state=DeviceRunState.SUCCEEDED):
        moves(each, DeviceRunState.SKIPPED, code="DEVICE_SKIPPED", detail="Not now.")
    wave_moves(wave, WaveState.SOAKING)
    wave_moves(wave, WaveState.WAITING)
    page.wait_for_timeout(2_500)
    assert person.requests == []
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(gate).to_be_visible()
    expect(page.locator("#run-news")).to_have_text("Batch 2 is done, and a person decides whether the run goes on.")
    assert page.evaluate("window.sameDocument") is True
    person.checks()
