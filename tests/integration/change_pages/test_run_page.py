"""Watching a run: the figures first, only what moved, an end to the polling, and nothing green that is not whole."""

import html as markup
import re
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connections
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from changes.domain.run_states import DeviceRunState
from changes.models import DeviceRun, Run, WaveCheck
from changes.services.execution import run_advance
from changes.services.journal import Journal
from devices.models import Device, SnapshotPurpose
from devices.services.claims import claim_next
from devices.services.snapshots import snapshot_store
from tests.factories import Cast, DeviceFactory, carried_out, started
from tests.integration.change_pages.conftest import HTMX, As


def text(html: str) -> str:
    return re.sub(r"\s+", " ", markup.unescape(re.sub(r"<[^>]+>", " ", html)))


def poll_of(html: str) -> str:
    """What the page asks next: its address, what it was told, and what it has in view."""
    found = re.search(r'id="run-live" data-live[^>]* hx-post="([^"]+)" hx-trigger="every 2s, run:look"', html)
    assert found, "the page does not poll"
    hidden = re.findall(r'<input type="hidden" name="(since|told|decided|shown|divided)" value="([^"]*)"', html)
    address = markup.unescape(found[1])
    values = [(name, markup.unescape(value)) for name, value in hidden]
    return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}"


def row_of(html: str, row: DeviceRun) -> str:
    """A device's row in a page or in the answer to its poll; "" where there is none."""
    found = re.search(rf'<li class="device-run" id="device-run-{row.pk}".*?</li>', html, re.DOTALL)
    return found[0] if found else ""


@pytest.fixture
def committed(transactional_db: None) -> None:
    """Whether somebody has seen a row is a matter of commits, which a test inside one transaction has none of."""


def journal_of(row: DeviceRun) -> Journal:
    claim = claim_next(DeviceRun.objects.filter(pk=row.pk), owner=uuid.uuid4())
    assert claim
    return Journal(claim)


def get(client: Client, path: str, **headers: str) -> Any:  # noqa: ANN401 - the test client's response
    return client.get(path, headers=headers)


def path_of(run: Run) -> str:
    return f"/changes/{run.change_id}/runs/{run.pk}/"


def test_run_that_nobody_took_up_shows_every_device_waiting(cast: Cast, devices: list[Device], as_: As) -> None:
    run = started(cast, devices)
    html = get(as_(cast.author), path_of(run)).content.decode()
    assert html.count('id="device-run-') == 9  # three of each: item, row, reason
    assert "0 of 3 devices done" in text(html)
    assert "<noscript>" in html


def test_other_pages_lead_to_a_run_that_goes_on(cast: Cast, devices: list[Device], as_: As) -> None:
    run = started(cast, devices)
    client = as_(cast.author)
    for page in ("", "plan/", "timeline/"):
        html = get(client, f"/changes/{run.change_id}/{page}").content.decode()
        assert f'href="{path_of(run)}"' in html
        assert "Watch the run" in html


def test_poll_answers_204_until_something_moves_then_that_alone(
    committed: None, cast: Cast, devices: list[Device], as_: As
) -> None:
    run = started(cast, devices)
    client = as_(cast.author)
    html = get(client, path_of(run)).content.decode()
    poll = poll_of(html)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.author)
    for quiet in (get(client, poll, **HTMX), strict.post(poll, headers=HTMX)):
        assert (quiet.status_code, quiet.content) == (204, b"")
    first, second, _third = run.device_runs.order_by("pk")
    journal = journal_of(first)
    assert get(client, poll, **HTMX).status_code == 204  # a claim is nothing that people see
    with journal.step(DeviceRunState.CONNECTING):
        answer = get(client, poll, **HTMX)
    moved = answer.content.decode()
    assert answer.status_code == 200
    assert "Connecting" in row_of(moved, first)
    assert not row_of(moved, second)
    assert "<html" not in moved
    assert 'id="run-advice"' not in moved
    in_view = html[html.index('name="shown"') - 30 :]
    poll = poll_of(moved + in_view)
    assert get(client, poll, **HTMX).status_code == 204
    with journal.step(DeviceRunState.CHECKING):
        journal.assert_held()
        assert get(client, poll, **HTMX).status_code == 200


def test_transaction_that_is_committed_late_is_told_once_and_never_lost(
    committed: None, cast: Cast, devices: list[Device], as_: As
) -> None:
    run = started(cast, devices)
    client = as_(cast.author)
    html = get(client, path_of(run)).content.decode()
    early, late, _third = run.device_runs.order_by("pk")
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("UPDATE changes_devicerun SET lines_sent = 1 WHERE id = %s", [late.pk])
            with journal_of(early).step(DeviceRunState.CONNECTING):
                moved = get(client, poll_of(html), **HTMX).content.decode()
        in_view = html[html.index('name="shown"') - 30 :]
        assert row_of(moved, early)
        assert not row_of(moved, late)
        assert get(client, poll_of(moved + in_view), **HTMX).status_code == 204
        other.commit()
    finally:
        other.close()
    told = get(client, poll_of(moved + in_view), **HTMX)
    again = told.content.decode()
    assert row_of(again, late)
    assert not row_of(again, early)
    assert get(client, poll_of(again + in_view), **HTMX).status_code == 204


def test_each_line_shows_while_it_is_sent(committed: None, cast: Cast, devices: list[Device], as_: As) -> None:
    run = started(cast, devices[:1])
    client = as_(cast.author)
    journal = journal_of(run.device_runs.get())
    for state in (DeviceRunState.CONNECTING, DeviceRunState.CHECKING, DeviceRunState.SNAPSHOTTING):
        with journal.step(state):
            pass
    with journal.step(DeviceRunState.APPLYING):
        html = get(client, path_of(run)).content.decode()
        assert get(client, poll_of(html), **HTMX).status_code == 204
        journal.before_line(sent=1, applied=0, first=True)
        assert get(client, poll_of(html), **HTMX).status_code == 200
        journal.line(sent=1, applied=1)
        journal.flush()
        assert "1 line" in text(get(client, poll_of(html), **HTMX).content.decode())


def test_last_answer_ends_the_poll_and_brings_the_head_along(
    committed: None, cast: Cast, devices: list[Device], as_: As
) -> None:
    run = started(cast, devices)
    client = as_(cast.manager)
    poll = poll_of(get(client, path_of(run)).content.decode())
    carried_out(run, rejected=devices[:1])
    answer = get(client, poll, **HTMX)
    html = answer.content.decode()
    assert answer.status_code == 286
    assert "every 2s" not in html
    assert 'id="change-head"' in html
    assert html.count('class="device-run"') == 3
    assert "The run has ended. Partial: 2 of 3 devices hold the change." in text(html)
    assert f'href="/changes/{run.change_id}/close/"' in html
    assert get(client, poll, **HTMX).status_code == 286


def test_partial_run_is_never_green_and_says_what_comes_next(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices), rejected=devices[:1])
    html = get(as_(cast.manager), path_of(run)).content.decode()
    head = html[html.index('id="run-figures"') : html.index("</dl>")]
    assert 'id="run-title-row" data-tone="warn"' in head
    assert 'data-state="partial" data-tone="warn"' in head
    said = text(html)
    assert "Partial: 2 of 3 devices hold the change" in said
    assert "COMMAND_REJECTED The device rejected a configuration line." in said
    assert "Read the device's message; correct the content and plan a new revision for this device." in said
    assert "Remove the cause on fra-acc-01, then retry there, or write a new change for what is left." in said
    assert "Close the change, and say how it went." in said
    assert "every 2s" not in html
    others = text(get(as_(cast.peer), path_of(run)).content.decode())
    assert "A change manager closes the change then." in others
    assert "Close the change, and say" not in others


def test_whole_run_is_green(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices))
    html = get(as_(cast.author), path_of(run)).content.decode()
    assert 'id="run-title-row" data-tone="ok"' in html
    assert "All 3 devices hold the change" in text(html)


def test_unknown_device_asks_for_people_first(cast: Cast, devices: list[Device], as_: As) -> None:
    run = started(cast, devices[:1])
    journal = journal_of(run.device_runs.get())
    for state in (DeviceRunState.CONNECTING, DeviceRunState.CHECKING, DeviceRunState.SNAPSHOTTING):
        with journal.step(state):
            pass
    with journal.step(DeviceRunState.APPLYING):
        journal.line(sent=1, applied=0)
    journal.give_up(code="CONNECTION_LOST", detail="The session ended.")
    run_advance(run.pk)
    said = text(get(as_(cast.author), path_of(run)).content.decode())
    assert "Unknown: a device's state could not be proved" in said
    assert "Look at fra-acc-01 first" in said


def test_record_of_a_device_that_succeeded(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices))
    row = run.device_runs.order_by("pk").first()
    assert row
    client = as_(cast.auditor)
    page = get(client, f"{path_of(run)}devices/{row.pk}/").content.decode()
    part = get(client, f"{path_of(run)}devices/{row.pk}/", **HTMX).content.decode()
    for html in (page, part):
        said = text(html)
        assert "1 applied, 1 sent, 1 in the plan" in said
        assert "&gt; ntp server 192.0.2.123" in html
        assert "Before → after" in said
        assert "ntp server 192.0.2.123" in html[html.index("Before → after") :]
        assert "s3cr3t-community" not in html
        assert "every 2s" not in html
    assert "<html" in page
    assert "<html" not in part


def test_record_of_a_device_that_was_backed_out(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices), rejected=devices[:1])
    row = run.device_runs.get(device=devices[0])
    html = get(as_(cast.auditor), f"{path_of(run)}devices/{row.pk}/").content.decode()
    assert "No difference: the device shows what it showed before the first line." in text(html)
    assert 'data-status="unanswered"' in html
    assert "COMMAND_REJECTED" in html


def test_record_of_a_working_device_polls_by_itself_and_stops(cast: Cast, devices: list[Device], as_: As) -> None:
    run = started(cast, devices[:1])
    row = run.device_runs.get()
    client, path = as_(cast.author), f"{path_of(run)}devices/{row.pk}/"
    html = get(client, path, **HTMX).content.decode()
    found = re.search(r'hx-get="([^"]+)" hx-trigger="every 2s"', html)
    assert found
    assert get(client, found[1], **HTMX).status_code == 204
    carried_out(run)
    assert get(client, found[1], **HTMX).status_code == 286


def test_device_output_is_escaped_and_masked(cast: Cast, devices: list[Device], as_: As) -> None:
    run = started(cast, devices[:1])
    row = run.device_runs.get()
    journal = journal_of(row)
    evil = "<script>alert(1)</script>\u202e"
    with journal.step(DeviceRunState.CONNECTING) as notes:
        notes.data["driver"] = evil
        notes.transcript = f"> show version\n{evil}\nsnmp-server community topsecret9 RO\n\x1b[31mred"
    with journal.step(DeviceRunState.CHECKING) as notes:
        notes.data["identity"] = {"hostname": evil, "serial": "1"}
        notes.data["drift"] = {
            "kind": "overlapping",
            "paths": [f"interface x / {evil}", "snmp-server community abcdef9"],
        }
        notes.data["checks"] = [{"name": evil, "sentence": evil, "passed": False, "evidence": [evil]}]
    journal.note(
        before=snapshot_store(device=row.device, text=f"hostname x\n{evil}\n", purpose=SnapshotPurpose.BEFORE),
        after=snapshot_store(device=row.device, text=f"hostname y\n{evil}!\n", purpose=SnapshotPurpose.AFTER),
    )
    journal.end(DeviceRunState.FAILED, code="TIMEOUT", detail=evil)
    run_advance(run.pk)
    client = as_(cast.auditor)
    for path in (path_of(run), f"{path_of(run)}devices/{row.pk}/", f"/changes/{run.change_id}/timeline/"):
        html = get(client, path).content.decode()
        assert "<script>alert" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
        assert "topsecret9" not in html
        assert "abcdef9" not in html
        assert "\\u202e" in html


def test_plan_that_can_no_longer_be_read_does_not_break_the_record(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices))
    row = run.device_runs.order_by("pk").first()
    assert row
    row.device_plan.payload = "{}"
    row.device_plan.save()
    assert get(as_(cast.auditor), f"{path_of(run)}devices/{row.pk}/").status_code == 200


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("page=2", "There is no filter"),
        ("state=green", "“green” is no state. Use one of: applying, attention,"),
        ("wave=x", "“wave” names no place of this run."),
        ("site=a&site=b", "“site” is given 2 times. Give it once."),
        ("name=a%E2%80%AEb", "In “name”,"),
        ("name=a%00b", "In “name”,"),
    ],
)
def test_unknown_filters_are_refused_and_the_run_is_shown_all_the_same(
    cast: Cast, devices: list[Device], as_: As, query: str, says: str
) -> None:
    run = started(cast, devices)
    client = as_(cast.author)
    answer = get(client, f"{path_of(run)}?{query}")
    assert answer.status_code == 400
    said = text(answer.content.decode())
    assert says in said
    assert "0 of 3 devices done" in said
    assert get(client, f"{path_of(run)}live/?{query}", **HTMX).status_code == 400
    assert get(client, f"{path_of(run)}branch/?{query}", **HTMX).status_code == 400


@pytest.mark.parametrize("since", ["", "nonsense", "1e400", "9" * 19 + ":" + "9" * 19 + ":", "5:3:", "1:9:8,2"])
def test_poll_from_nowhere_loads_the_page_again(cast: Cast, devices: list[Device], as_: As, since: str) -> None:
    run = started(cast, devices)
    answer = get(as_(cast.author), f"{path_of(run)}live/?since={since}&shown=x&shown=1:0&divided=y", **HTMX)
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")


@pytest.mark.parametrize("count", [1, 40])
def test_number_of_queries_does_not_grow_with_the_devices(
    cast: Cast, as_: As, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    run = carried_out(started(cast, [DeviceFactory.create() for _ in range(count)]))
    client = as_(cast.author)
    html = get(client, path_of(run)).content.decode()
    assert html.count('class="device-run"') == count
    with django_assert_num_queries(20):
        get(client, path_of(run))


def test_the_tree_is_read_branch_by_branch(cast: Cast, as_: As) -> None:
    run = started(cast, [DeviceFactory.create(site=f"S{number % 4}") for number in range(64)])
    client = as_(cast.author)
    html = get(client, path_of(run)).content.decode()
    assert "of 64" in text(html)
    assert html.count('class="site"') == 4
    assert html.count('class="device-run"') == 0
    branch = get(client, f"{path_of(run)}branch/?wave=1&group=S0", **HTMX).content.decode()
    assert branch.count('class="device-run"') == 16
    assert 'value="1:0:0:S0"' in branch
    flat = get(client, f"{path_of(run)}?site=S0").content.decode()
    assert flat.count('class="device-run"') == 16
    plain = get(client, f"{path_of(run)}branch/?wave=1&group=S0")
    assert (plain.status_code, plain["Location"]) == (302, f"{path_of(run)}?wave=1&group=S0")


def test_a_long_branch_is_read_page_by_page_and_each_page_follows_its_own_rows(
    committed: None, cast: Cast, as_: As
) -> None:
    run = started(cast, [DeviceFactory.create() for _ in range(105)])
    client = as_(cast.author)
    html = get(client, path_of(run)).content.decode()
    assert html.count('class="device-run"') == 100
    more = markup.unescape(str(re.search(r'href="([^"]+)" hx-get="([^"]+)"[^>]*>Next devices', html)[1]))  # type: ignore[index]
    assert get(client, more).content.decode().count('class="device-run"') == 5
    last = run.device_runs.order_by("pk").last()
    assert last
    poll, second = poll_of(html), poll_of(get(client, more).content.decode())
    with journal_of(last).step(DeviceRunState.CONNECTING):
        assert not row_of(get(client, poll, **HTMX).content.decode(), last)
        assert row_of(get(client, second, **HTMX).content.decode(), last)


def test_session_is_downloaded_as_redacted_text(cast: Cast, devices: list[Device], as_: As) -> None:
    run = started(cast, devices[:1])
    row = run.device_runs.get()
    journal = journal_of(row)
    with journal.step(DeviceRunState.CONNECTING) as notes:
        lines = "\n".join(f"line {number}" for number in range(300))
        notes.transcript = f"> show run\nsnmp-server community topsecret9 RO\n{lines}"
    journal.flush()
    client = as_(cast.auditor)
    page = get(client, f"{path_of(run)}devices/{row.pk}/").content.decode()
    assert "102 before them are in the text file" in text(page)
    assert "line 299" in page
    answer = get(client, f"{path_of(run)}devices/{row.pk}/session/")
    assert answer["Content-Disposition"] == f'attachment; filename="run-{run.pk}-fra-acc-01.txt"'
    body = answer.content.decode()
    assert "==== 1. Connecting" in body
    assert "line 0\n" in body
    assert "topsecret9" not in body + page


def test_a_filtered_page_is_told_of_its_own_rows_and_of_new_ones_only(
    committed: None, cast: Cast, devices: list[Device], as_: As
) -> None:
    run = started(cast, devices)
    client = as_(cast.author)
    one, two, three = run.device_runs.order_by("pk")
    html = get(client, f"{path_of(run)}?state=pending&state=checking").content.decode()
    assert html.count('class="device-run"') == 3
    poll = f"{poll_of(html)}&have={one.pk}.x.{'9' * 30}"
    for row in (one, two):
        with journal_of(row).step(DeviceRunState.CONNECTING):
            pass
    moved = get(client, poll, **HTMX).content.decode()
    assert "data-other" in row_of(moved, one)
    assert not row_of(moved, two)  # it matches no longer, and the page does not have it
    journal = journal_of(three)
    for state in (DeviceRunState.CONNECTING, DeviceRunState.CHECKING):
        with journal.step(state):
            pass
    shown = row_of(get(client, poll, **HTMX).content.decode(), three)
    assert "Checking" in shown
    assert "data-other" not in shown
    none = get(client, f"{path_of(run)}?state=failed").content.decode()
    assert 'data-rows-of="1:0:0"' in none  # so that the first that fails has a place
    assert "No device of this wave matches now." in text(none)


def test_record_tells_of_the_look_before_the_next_wave(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices[:1]))
    row = run.device_runs.get()
    check = WaveCheck.objects.create(wave=row.wave, device_run=row)
    client, path = as_(cast.auditor), f"{path_of(run)}devices/{row.pk}/"
    assert "Looked at once more before the next wave Nobody has looked yet." in text(get(client, path).content.decode())
    check.verdict, check.code, check.detail = "unhealthy", "TIMEOUT", "No answer."
    check.transcript = "> show version\nsnmp-server community topsecret9 RO"
    check.save()
    page = get(client, path).content.decode()
    assert "Unhealthy: No answer." in text(page)
    assert "TIMEOUT" in page
    assert "> show version" in get(client, f"{path}session/").content.decode()
    assert "topsecret9" not in page
    assert "not healthy afterwards: TIMEOUT" in text(get(client, path_of(run)).content.decode())
