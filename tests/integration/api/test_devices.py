from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Device, HostKey, SnapshotPurpose
from devices.services.snapshots import snapshot_store
from tests.factories import BASELINE, Cast, DeviceFactory, draft, ready_plan
from tests.integration.api.conftest import Answer, As, refused

LIST = "/api/v1/devices/"


def names(response: Answer) -> list[str]:
    assert response.status_code == 200, response.content
    return [device["name"] for device in response.json()["results"]]


def test_the_list_shows_devices_by_name(cast: Cast, as_: As, devices: list[Device]) -> None:
    DeviceFactory.create(name="ams-core-01", site="AMS", role="core")
    for person in (cast.author, cast.auditor, cast.outsider):
        response = as_(person).get(LIST)
        assert names(response) == ["ams-core-01", "fra-acc-01", "fra-acc-02", "fra-acc-03"]
        assert response.json()["next"] is None
    device = response.json()["results"][1]
    assert device == {
        "id": devices[0].pk,
        "name": "fra-acc-01",
        "source": "lab",
        "source_key": "fra-acc-01",
        "platform": "cisco_ios",
        "address": "192.0.2.10",
        "port": 22,
        "site": "FRA",
        "role": "access",
        "tags": ["edge"],
        "redundancy_group": "",
        "uplinks": [],
        "tenant": "",
        "criticality": "",
        "status": "active",
        "hostname": "fra-acc-01",
        "serial": devices[0].serial,
        "exclusion": "",
        "exclusion_detail": "",
        "model": "WS-C2960X-24TS-L",
        "synced_at": device["synced_at"],
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("site=FRA", ["fra-acc-01", "fra-acc-02", "fra-acc-03"]),
        ("site=AMS&site=MUC", ["ams-core-01", "muc-acc-01"]),
        ("site=FRA&role=core", []),
        ("name=fra-acc-0*&tag=edge", ["fra-acc-01", "fra-acc-02", "fra-acc-03"]),
        ("name=FRA-ACC-02", ["fra-acc-02"]),
        ("name=fra.acc.02", []),
        ("status=maintenance", ["muc-acc-01"]),
        ("site=", ["ams-core-01", "fra-acc-01", "fra-acc-02", "fra-acc-03", "muc-acc-01"]),
        ("ordering=-name&limit=2", ["muc-acc-01", "fra-acc-03"]),
    ],
)
def test_filters_and_order(cast: Cast, as_: As, devices: list[Device], query: str, expected: list[str]) -> None:
    DeviceFactory.create(name="ams-core-01", site="AMS", role="core")
    DeviceFactory.create(name="muc-acc-01", site="MUC", status="maintenance")
    assert names(as_(cast.author).get(f"{LIST}?{query}")) == expected


@pytest.mark.parametrize("ordering", ["name", "-name", "id", "-id"])
def test_following_next_meets_every_device_once_even_where_names_repeat(cast: Cast, as_: As, ordering: str) -> None:
    for number in range(7):
        DeviceFactory.create(name="same" if number % 2 else f"sw{number}", source_key=str(number))
    client, address, seen = as_(cast.author), f"{LIST}?limit=2&site=FRA&ordering={ordering}", []
    while address:
        body = client.get(address).json()
        assert len(body["results"]) <= 2
        seen += [(device["name"], device["id"]) for device in body["results"]]
        address = body["next"]
    assert len(seen) == 7
    key = (lambda row: row) if "name" in ordering else (lambda row: row[1])
    assert seen == sorted(seen, key=key, reverse=ordering.startswith("-"))


def test_rows_that_appear_while_somebody_turns_pages_neither_repeat_nor_hide_any(cast: Cast, as_: As) -> None:
    for name in ("b", "d", "f", "h"):
        DeviceFactory.create(name=name)
    client = as_(cast.author)
    first = client.get(f"{LIST}?limit=2").json()
    DeviceFactory.create(name="a")
    DeviceFactory.create(name="g")
    assert names(client.get(first["next"])) == ["f", "g"]


@pytest.mark.parametrize("name", ["colour", "Site", "page", "offset", "format", "site__in"])
def test_an_unknown_filter_is_refused_with_the_allowed_ones(cast: Cast, as_: As, name: str) -> None:
    response = as_(cast.author).get(f"{LIST}?{name}=x")
    refused(response, 400, "unknown_filter", field=name, says="status, source, tag, tenant, criticality, limit")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("limit=5&limit=6", "limit"),
        ("ordering=colour", "ordering"),
        ("cursor=nonsense", "cursor"),
        ("cursor=WyJuYW1lIl0", "cursor"),
        ("cursor=WyItaWQiLCAxXQ", "cursor"),
        ("cursor=WyJuYW1lIiwgMSwgMV0", "cursor"),
        ("cursor=WyJuYW1lIiwgIngiLCAxMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ", "cursor"),
        ("cursor=WyJuYW1lIiwgIlx1MDAwMCIsIDFd", "cursor"),
        ("cursor=WyJuYW1lIiwgIlx1ZDgwMCIsIDFd", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=" + "W" * 5000, "cursor"),
        ("site=a%00b", "site"),
        ("name=%F0%9F%98%80%0Ax", "name"),
        ("tag=" + "x" * 201, "tag"),
        ("site=x&" * 101, "site"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused(cast: Cast, as_: As, query: str, field: str) -> None:
    refused(as_(cast.author).get(f"{LIST}?{query}"), 400, "bad_filter", field=field)


def test_a_device_shows_its_keys_and_newest_configuration(cast: Cast, as_: As, devices: list[Device]) -> None:
    device = devices[0]
    for text in ("hostname old\n", BASELINE.format(name=device.name)):
        snapshot = snapshot_store(device=device, text=text, purpose=SnapshotPurpose.PLAN)
    body = as_(cast.outsider).get(f"{LIST}{device.pk}/").json()
    assert body["latest_config"]["id"] == snapshot.pk
    assert body["latest_config"]["sha256"] == snapshot.blob_id
    key = HostKey.objects.get(device=device)
    assert [(each["key_type"], each["fingerprint"], each["state"]) for each in body["host_keys"]] == [
        ("ssh-ed25519", key.fingerprint, "pinned")
    ]
    assert as_(cast.outsider).get(f"{LIST}{devices[1].pk}/").json()["latest_config"] is None


def test_no_answer_names_a_credential(cast: Cast, as_: As) -> None:
    device = DeviceFactory.create(credential="the-vault-entry")
    for address in (LIST, f"{LIST}{device.pk}/"):
        assert "the-vault-entry" not in as_(cast.auditor).get(address).content.decode()


def test_a_device_that_does_not_exist_is_not_found(cast: Cast, as_: As, devices: list[Device]) -> None:
    nobody = devices[-1].pk + 1000
    for tail in ("", "configs/", "configs/1/", "changes/"):
        refused(as_(cast.author).get(f"{LIST}{nobody}/{tail}"), 404, "not_found", says=str(nobody))


def test_configurations_are_listed_newest_first_and_read_with_secrets_masked(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    device = devices[0]
    snapshots = [
        snapshot_store(device=device, text=text, purpose=SnapshotPurpose.BEFORE)
        for text in ("hostname a\n", BASELINE.format(name=device.name), "hostname c\n")
    ]
    address = f"{LIST}{device.pk}/configs/"
    client = as_(cast.outsider)
    listed = client.get(f"{address}?limit=2").json()
    assert [each["id"] for each in listed["results"]] == [snapshots[2].pk, snapshots[1].pk]
    assert [each["id"] for each in client.get(listed["next"]).json()["results"]] == [snapshots[0].pk]
    assert "text" not in listed["results"][0]
    one = client.get(f"{address}{snapshots[1].pk}/").json()
    assert "s3cr3t-community" not in one["text"]
    assert "snmp-server community <hidden:" in one["text"]
    assert one["line_count"] == BASELINE.count("\n")
    refused(client.get(f"{LIST}{devices[1].pk}/configs/{snapshots[1].pk}/"), 404, "not_found")


def test_the_changes_of_a_device_are_those_whose_plan_names_it(cast: Cast, as_: As, devices: list[Device]) -> None:
    for title, targets in (("both", devices[:2]), ("second", devices[1:2])):
        ready_plan(draft(cast.author, title=title), targets)
    client = as_(cast.outsider)
    titles = [
        [change["title"] for change in client.get(f"{LIST}{device.pk}/changes/").json()["results"]]
        for device in devices
    ]
    assert titles == [["both"], ["second", "both"], []]


@pytest.mark.parametrize("tail", ["", "{id}/", "{id}/configs/", "{id}/changes/"])
def test_devices_are_only_read_here(cast: Cast, as_: As, devices: list[Device], tail: str) -> None:
    address = LIST + tail.format(id=devices[0].pk)
    for method in ("post", "put", "patch", "delete"):
        refused(getattr(as_(cast.superuser), method)(address, {}), 405, "method_not_allowed")


def test_the_list_costs_the_same_queries_for_3_and_for_60_devices(cast: Cast, as_: As, devices: list[Device]) -> None:
    client = as_(cast.author)
    counts = []
    for more in (0, 57):
        DeviceFactory.create_batch(more)
        with CaptureQueriesContext(connection) as queries:
            assert len(names(client.get(f"{LIST}?limit=100"))) == 3 + more
        counts.append(len(queries))
    # Session, person, devices.
    assert counts == [3, 3]
