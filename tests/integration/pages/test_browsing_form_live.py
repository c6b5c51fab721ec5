"""The form of a change while it is filled in: its buttons without scripts, its live parts, the preview."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from changes.models import ChangeRequest
from devices.models import Device
from tests.factories import Cast, DeviceFactory
from tests.integration.pages.change_form import FORM, NEW, Sent, filled
from tests.integration.pages.conftest import HTMX, As, form_fields

# ---- without scripts


def test_rows_of_checks_are_added_and_removed_by_buttons(author: Client, devices: list[Device]) -> None:
    more = author.post(NEW, filled(action="add-pre", content="kept"))
    assert more.status_code == 200
    fields = form_fields(more.content.decode(), FORM)
    assert (fields["pre-count"], fields["post-count"], fields["content"]) == (["1"], ["1"], ["kept"])
    assert "pre-0-name" in fields
    fewer = author.post(NEW, {**fields, "action": "remove-post-0"})
    assert form_fields(fewer.content.decode(), FORM)["post-count"] == ["0"]
    assert not ChangeRequest.objects.exists()


def test_matching_devices_are_shown_by_a_button(author: Client, devices: list[Device]) -> None:
    html = author.post(NEW, filled(action="targets", title="")).content.decode()
    assert "2 devices, 1 left out" in html
    assert "fra-acc-09 is in maintenance." in html
    assert 'id="problems"' not in html


def test_all_that_are_listed_are_picked_by_a_button(author: Client, devices: list[Device]) -> None:
    html = author.post(NEW, filled(action="pick-all", by="devices", device_ids=[str(devices[3].pk)])).content.decode()
    picked = form_fields(html, FORM)["device_ids"]
    assert sorted(map(int, picked)) == sorted(device.pk for device in devices)


def test_preview_is_shown_in_the_form_by_a_button(author: Client, devices: list[Device]) -> None:
    html = author.post(NEW, filled(action="preview", preview_device=str(devices[1].pk))).content.decode()
    assert "ntp server 192.0.2.1\nntp server 192.0.2.2" in html
    fields = form_fields(html, FORM)
    assert (fields["preview_device"], fields["title"]) == ([str(devices[1].pk)], ["Set the NTP servers"])
    assert not ChangeRequest.objects.exists()


# ---- with htmx


def test_htmx_gets_the_list_of_checks_alone(author: Client, devices: list[Device]) -> None:
    response = author.post(NEW, filled(action="add-post"), headers=HTMX)
    html = response.content.decode()
    assert html.startswith('<div class="checks" id="checks-post">')
    assert 'name="post-count" value="2"' in html
    assert html.count("autofocus") == 1
    assert "<html" not in html


def live(author: Client, **fields: object) -> str:
    response = author.post("/changes/targets/", fields, headers=HTMX)
    assert response.status_code == 200
    return response.content.decode()


def test_live_count_names_who_is_left_out_and_why(author: Client, devices: list[Device]) -> None:
    html = live(author, site=["FRA"])
    assert html.count("2 devices, 1 left out") == 2, "at the targets and beside the buttons"
    assert "fra-acc-09 is in maintenance." in html
    assert "fra-acc-01" in html
    assert "muc-dist-01" not in html
    assert 'id="preview-device" hx-swap-oob="true"' in html


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({}, "No devices chosen yet"),
        ({"site": "FRA", "role": "access"}, "2 devices, 1 left out"),
        ({"site": ["FRA", "MUC"]}, "3 devices, 1 left out"),
        ({"name": "fra-acc-0*, muc-*"}, "3 devices, 1 left out"),
        ({"name": "*"}, "3 devices, 1 left out"),
        ({"tag": "core"}, "1 device"),
        ({"site": "FRA", "tag": "core"}, "0 devices"),
        ({"name": "x[.*"}, "0 devices"),
        ({"by": "devices", "site": "FRA"}, "No devices chosen yet"),
    ],
)
def test_live_count_follows_the_choice(author: Client, devices: list[Device], fields: Sent, summary: str) -> None:
    assert f'hx-swap-oob="innerHTML">{summary}</span>' in live(author, **fields)


def test_picked_devices_stay_when_the_filters_move_on(author: Client, devices: list[Device]) -> None:
    html = live(author, by="devices", device_ids=[str(devices[0].pk), "999999"], site="MUC")
    assert "Picked, but not found by the filters" in html
    assert f'value="{devices[0].pk}" id="id_device_{devices[0].pk}" checked' in html
    assert f'value="{devices[3].pk}" id="id_device_{devices[3].pk}">' in html
    assert "999999" not in html
    assert ">1 device</span>" in html


def test_device_that_cannot_be_changed_says_so_where_it_is_picked(author: Client, devices: list[Device]) -> None:
    why = "fra-acc-10 has “vyatta” as its platform, which the platform table does not have."
    DeviceFactory.create(name="fra-acc-10", exclusion="PLATFORM_UNMAPPED", exclusion_detail=why)
    html = live(author, by="devices", site="FRA")
    assert f'<span class="pick__problem">{why} <code>PLATFORM_UNMAPPED</code></span>' in html
    assert '<span class="pick__problem">fra-acc-09 is in maintenance. <code>INV_NOT_ACTIVE</code></span>' in html


def test_count_can_be_asked_for_by_address_which_is_read_strictly(author: Client, devices: list[Device]) -> None:
    assert "2 devices, 1 left out" in author.get("/changes/targets/?site=FRA").content.decode()
    response = author.get("/changes/targets/?sites=FRA")
    assert response.status_code == 422
    assert "Did you mean &quot;site&quot;?" in response.content.decode()


def test_bad_value_of_a_filter_gets_a_sentence(author: Client, devices: list[Device]) -> None:
    assert "control character" in live(author, name="fra\u202e")


@pytest.mark.parametrize("number", [3, 40])
def test_queries_of_the_count_do_not_grow(
    author: Client, db: None, django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    made = [DeviceFactory.create() for _ in range(number)]
    picked = [str(device.pk) for device in made[: number // 2]]
    with django_assert_num_queries(11):
        live(author, by="devices", site="FRA", device_ids=picked)


# ---- preview


def preview(author: Client, device: Device, status: int = 200, **fields: object) -> str:
    sent = filled(preview_device=str(device.pk), **fields)
    response = author.post("/changes/preview/", sent, headers=HTMX)
    assert response.status_code == status
    return response.content.decode()


def test_preview_shows_lines_and_masks_secrets(author: Client, devices: list[Device]) -> None:
    html = preview(author, devices[0], content="snmp-server community hunter2 RO\nntp server {{ device.name }}\n")
    assert "ntp server fra-acc-01" in html
    assert "hunter2" not in html
    assert "No configuration of this device has been read yet" in html


def test_preview_marks_the_line_of_a_template_error(author: Client, devices: list[Device]) -> None:
    html = preview(author, devices[0], content="a\nb {{ nothing }}\n")
    assert "<mark>b {{ nothing }}</mark>" in html
    assert "Line 2: there is no variable &quot;nothing&quot;" in html


def test_preview_names_forbidden_lines(author: Client, devices: list[Device]) -> None:
    html = preview(author, devices[0], content="ntp server 192.0.2.1\nrel\n")
    assert "<strong>Forbidden.</strong> Line 2: “rel” restarts the device." in html
    assert "No plan will be built with these lines" in html


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"preview_device": ""}, "Choose the device to preview"),
        ({"preview_device": "x"}, "Choose the device to preview"),
        ({"content": ""}, "The content is empty"),
        ({"variables": "a: True"}, "Line 1: write true in small letters"),
    ],
)
def test_preview_that_cannot_be_made_says_why(
    author: Client, devices: list[Device], fields: Sent, sentence: str
) -> None:
    sent = {**filled(preview_device=str(devices[0].pk)), **fields}
    response = author.post("/changes/preview/", sent, headers=HTMX)
    assert response.status_code == 422
    assert sentence in response.content.decode()


def test_preview_is_for_those_who_write(cast: Cast, as_: As, devices: list[Device]) -> None:
    assert "you need the role Requester" in preview(as_(cast.approver), devices[0], status=403)


def test_preview_without_scripts_at_its_own_address_is_a_page(author: Client, devices: list[Device]) -> None:
    response = author.post("/changes/preview/", filled(preview_device=str(devices[0].pk)))
    assert "<html" in response.content.decode()
    assert author.get("/changes/preview/").status_code == 405


def test_device_names_are_escaped(author: Client, db: None) -> None:
    evil = DeviceFactory.create(name="<img src=x onerror=alert(1)>", site="FRA")
    for html in (
        live(author, site="FRA"),
        live(author, by="devices", device_ids=str(evil.pk)),
        preview(author, evil, content="x {{ device.name }}"),
    ):
        assert "<img" not in html
        assert "&lt;img" in html
