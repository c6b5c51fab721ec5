from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from devices.models import ConfigSnapshot, Device, HostKeyState, SnapshotPurpose
from devices.services.snapshots import snapshot_store
from portal.views.devices import PAGE, SNAPSHOTS
from tests.factories import Cast, DeviceFactory, HostKeyFactory, carried_out, draft, ready_plan, started
from tests.integration.pages.conftest import As


@pytest.fixture
def reader(cast: Cast, as_: As) -> Client:
    return as_(cast.peer)


def page(reader: Client, path: str, status: int = 200) -> str:
    response = reader.get(path)
    assert response.status_code == status
    return response.content.decode()


def names(html: str) -> list[str]:
    return re.findall(r'class="table__title" href="/devices/\d+/">([^<]*)<', html)


# ---- the list


def test_devices_stand_by_name(reader: Client, devices: list[Device]) -> None:
    assert names(page(reader, "/devices/")) == ["fra-acc-01", "fra-acc-02", "fra-acc-09", "muc-dist-01"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?site=MUC", ["muc-dist-01"]),
        ("?role=access&status=active", ["fra-acc-01", "fra-acc-02"]),
        ("?status=maintenance", ["fra-acc-09"]),
        ("?tag=core", ["muc-dist-01"]),
        ("?name=ACC", ["fra-acc-01", "fra-acc-02", "fra-acc-09"]),
        ("?name=fra-acc-0*", ["fra-acc-01", "fra-acc-02", "fra-acc-09"]),
        ("?name=*-01", ["fra-acc-01", "muc-dist-01"]),
        ("?name=.", []),
        ("?platform=cisco_ios&source=lab&site=FRA&name=02", ["fra-acc-02"]),
    ],
)
def test_filters_narrow_the_list(reader: Client, devices: list[Device], query: str, found: list[str]) -> None:
    assert names(page(reader, f"/devices/{query}")) == found


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?sites=FRA", "Did you mean &quot;site&quot;?"),
        ("?site=FRA&site=MUC", "given 2 times"),
        ("?name=%00", "NUL"),
        ("?after=nowhere", "names no page"),
    ],
)
def test_what_cannot_be_asked_is_refused(reader: Client, devices: list[Device], query: str, sentence: str) -> None:
    html = page(reader, f"/devices/{query}", 400)
    assert sentence in html
    assert names(html) == []


def test_row_says_status_key_and_freshness(reader: Client, db: None) -> None:
    DeviceFactory.create(name="good")
    DeviceFactory.create(
        name="bare", pinned=False, status="missing", address="", synced_at=timezone.now() - timedelta(days=3)
    )
    rows = re.findall(r"<tr><td data-lead>.*?</tr>", page(reader, "/devices/"))
    bare, good = rows
    assert "Missing from its source" in bare
    assert "Not confirmed for long" in bare
    assert "pinned" not in bare
    assert "none</span>" in bare
    assert "pinned" in good
    assert "Not confirmed for long" not in good


def test_revoked_key_is_no_key(reader: Client, db: None) -> None:
    device = DeviceFactory.create(pinned=False)
    HostKeyFactory.create(device=device, state=HostKeyState.REVOKED)
    assert "pinned" not in page(reader, "/devices/")


def test_equal_names_are_told_apart_from_page_to_page(reader: Client, db: None) -> None:
    made = [DeviceFactory.create(name="same", source_key=f"key-{number}") for number in range(PAGE + 2)]
    first = page(reader, "/devices/?name=same")
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = page(reader, following[1].replace("&amp;", "&"))
    found = re.findall(r'class="table__title" href="/devices/(\d+)/"', first + second)
    assert found == [str(device.pk) for device in made]
    assert 'href="/devices/?name=same"' in second


def test_name_with_every_odd_character_pages_on(reader: Client, db: None) -> None:
    for number in range(PAGE + 1):
        DeviceFactory.create(name=f"a~b&c=d %26 {number:02}")
    following = re.search(r'rel="next" href="([^"]+)"', page(reader, "/devices/"))
    assert following
    assert len(names(page(reader, following[1].replace("&amp;", "&")))) == 1


def test_inventory_without_devices_says_how_they_come(reader: Client, db: None) -> None:
    assert "devices_sync" in page(reader, "/devices/")


@pytest.mark.parametrize("number", [2, 40])
def test_queries_of_the_list_do_not_grow(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    for _ in range(number):
        DeviceFactory.create()
    # Session, person, devices with their keys, four for the choices, roles, the count at the inbox.
    with django_assert_num_queries(9):
        page(reader, "/devices/")


def test_hostile_names_are_escaped(reader: Client, db: None) -> None:
    device = DeviceFactory.create(name="<script>x</script>", site='"><b>', tags=["<i>"], model="<u>", role="a\u202eb")
    for path in ("/devices/", f"/devices/{device.pk}/"):
        html = page(reader, path)
        for evil in ("<script>x", "<b>", "<i>", "<u>"):
            assert evil not in html
        assert "a\\u202eb" in html


# ---- a device


def test_page_says_who_must_answer_and_by_which_key(reader: Client, db: None) -> None:
    device = DeviceFactory.create(serial="FOC0001", model="", hostname="core-1")
    revoked = HostKeyFactory.create(device=device, key_type="ssh-rsa", state=HostKeyState.REVOKED)
    html = page(reader, f"/devices/{device.pk}/")
    assert "FOC0001" in html
    assert "not compared" in html
    [pinned] = device.host_keys.filter(state=HostKeyState.PINNED)
    assert html.index(pinned.fingerprint) < html.index(revoked.fingerprint)
    assert "Revoked" in html


def test_device_without_a_key_says_what_that_means(reader: Client, db: None) -> None:
    assert "No key is pinned" in page(reader, f"/devices/{DeviceFactory.create(pinned=False).pk}/")


def test_changes_that_touch_it_are_listed(reader: Client, cast: Cast, devices: list[Device]) -> None:
    carried_out(started(cast, devices[:2], title="was carried out"), rejected=[devices[0]])
    ready_plan(draft(cast.author, title="is planned"), devices[:1])
    draft(cast.author, title="has no plan")
    html = page(reader, f"/devices/{devices[0].pk}/")
    assert "was carried out" in html
    assert "is planned" in html
    assert "has no plan" not in html
    assert "No change touches this device" in page(reader, f"/devices/{devices[3].pk}/")


def test_only_writers_are_offered_to_change_it_and_only_readers_its_events(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    path = f"/devices/{devices[0].pk}/"
    for_author, for_auditor = page(as_(cast.author), path), page(as_(cast.auditor), path)
    assert f"/changes/new/?by=devices&amp;device_ids={devices[0].pk}" in for_author
    assert f"/audit/?device_id={devices[0].pk}" not in for_author
    assert "/changes/new/" not in for_auditor
    assert f"/audit/?device_id={devices[0].pk}" in for_auditor
    assert "/changes/new/" not in page(as_(cast.author), f"/devices/{devices[2].pk}/")


def test_device_that_is_not_there(reader: Client, db: None) -> None:
    page(reader, "/devices/999999/", 404)


# ---- its configurations


def read(device: Device, text: str, purpose: SnapshotPurpose = SnapshotPurpose.PLAN) -> ConfigSnapshot:
    return snapshot_store(device=device, text=text, purpose=purpose)


def test_history_tells_what_changed_from_what_stayed(reader: Client, db: None) -> None:
    device = DeviceFactory.create()
    for text in ("hostname a\n", "hostname a\n", "hostname b\n"):
        read(device, text)
    html = page(reader, f"/devices/{device.pk}/")
    assert re.findall(r">(first|changed|as before)</span>", html) == ["changed", "as before", "first"]


def test_history_goes_on_page_by_page(reader: Client, db: None) -> None:
    device = DeviceFactory.create()
    for number in range(SNAPSHOTS + 1):
        read(device, f"hostname h{number // 2}\n")
    first = page(reader, f"/devices/{device.pk}/")
    assert "first</span>" not in first, "what is last on this page is not the first that was read"
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    assert len(re.findall(r"/configs/\d", page(reader, older[1]))) == 1
    page(reader, f"/devices/{device.pk}/?before=x", 400)
    page(reader, f"/devices/{device.pk}/?page=2", 400)


def test_configuration_is_shown_with_its_secrets_masked(reader: Client, db: None) -> None:
    device = DeviceFactory.create()
    snapshot = read(device, "hostname <b>\nsnmp-server community hunter2 RO\nbanner motd ^C\n\x1b[2J\u202e\n^C\n")
    html = page(reader, f"/devices/{device.pk}/configs/{snapshot.pk}/")
    assert "hostname &lt;b&gt;" in html
    assert "hunter2" not in html
    assert "\x1b" not in html
    assert "\\u001b[2J\\u202e" in html
    assert "only configuration that was read" in html


def test_changed_secret_shows_as_changed_and_stays_hidden(reader: Client, db: None) -> None:
    device = DeviceFactory.create()
    read(device, "hostname a\nsnmp-server community hunter2 RO\n")
    newer = read(device, "hostname a\nsnmp-server community hunter3 RO\n")
    html = page(reader, f"/devices/{device.pk}/configs/{newer.pk}/")
    lines = re.findall(r'<td class="diff__code">(.*?)</td>', html)
    assert len(set(re.findall(r"hidden:([0-9a-f]{8})", re.sub("</?(ins|del)>", "", "".join(lines))))) == 2
    assert "hunter" not in html


def test_configuration_is_compared_with_the_last_that_differs(reader: Client, db: None) -> None:
    device = DeviceFactory.create()
    first = read(device, "hostname a\nntp server 192.0.2.1\n")
    read(device, "hostname a\nntp server 192.0.2.2\n")
    latest = read(device, "hostname a\nntp server 192.0.2.2\n")
    html = page(reader, f"/devices/{device.pk}/configs/{latest.pk}/")
    assert re.findall(r'<tr data-kind="(add|del)"', html) == ["del", "add"]
    assert f'<option value="{first.pk}" selected>' in html
    assert "(the same)" in html


def test_any_two_configurations_can_be_compared(reader: Client, db: None) -> None:
    device = DeviceFactory.create()
    texts = [read(device, f"hostname a\nntp server 192.0.2.{number}\n") for number in range(3)]
    html = page(reader, f"/devices/{device.pk}/configs/{texts[0].pk}/?against={texts[2].pk}")
    kinds = re.findall(r'<tr data-kind="(add|del)">.*?<td class="diff__code">(.*?)</td>', html)
    shown = [(kind, re.sub("<[^>]+>", "", code)) for kind, code in kinds]
    assert shown == [("del", "ntp server 192.0.2.2"), ("add", "ntp server 192.0.2.0")]
    same = page(reader, f"/devices/{device.pk}/configs/{texts[0].pk}/?against={texts[0].pk}")
    assert "byte for byte" in same
    split = page(reader, f"/devices/{device.pk}/configs/{texts[0].pk}/?against={texts[2].pk}&view=split")
    assert "diff--split" in split


def test_configuration_of_another_device_is_not_found_here(reader: Client, db: None) -> None:
    one, other = DeviceFactory.create(), DeviceFactory.create()
    snapshot, foreign = read(one, "hostname one\n"), read(other, "hostname other\n")
    page(reader, f"/devices/{one.pk}/configs/{foreign.pk}/", 404)
    page(reader, f"/devices/{one.pk}/configs/{snapshot.pk}/?against={foreign.pk}", 404)
    page(reader, f"/devices/{one.pk}/configs/{snapshot.pk}/?against=x", 404)
    page(reader, f"/devices/{one.pk}/configs/{snapshot.pk}/?with={snapshot.pk}", 400)


def test_queries_of_the_pages_are_few(
    reader: Client, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    device = DeviceFactory.create()
    for number in range(SNAPSHOTS + 5):
        read(device, f"hostname h{number}\n")
    latest = read(device, "hostname now\n")
    # Session, person, device, snapshots, the one before the last, live facts, keys, their alerts, changes, roles, the
    # count at the inbox.
    with django_assert_num_queries(11):
        page(reader, f"/devices/{device.pk}/")
    # Session, person, snapshot with text, the last that differs, the choices, roles, the count at the inbox.
    with django_assert_num_queries(7):
        page(reader, f"/devices/{device.pk}/configs/{latest.pk}/")


@pytest.mark.parametrize("path", ["/devices/", "/devices/1/", "/devices/1/configs/1/"])
def test_nobody_reads_without_signing_in_and_nobody_posts(reader: Client, db: None, path: str) -> None:
    assert Client().get(path)["Location"] == f"/sign-in/?next={path}"
    assert reader.post(path).status_code == 405
