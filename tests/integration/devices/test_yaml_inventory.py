"""The YAML inventory: what is in the file becomes a device as it is written, or is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.errors import InventoryError
from devices.sources.records import Inventory
from devices.sources.yaml_file import load
from tests.factories import public_key

GOOD = "{name: sw1, platform: cisco_ios, address: 192.0.2.1}"
KEY = f"ssh-ed25519 {public_key(1)}"


def loaded(tmp_path: Path, *entries: str) -> Inventory:
    path = tmp_path / "inventory.yaml"
    path.write_text("devices:\n" + "".join(f"- {entry}\n" for entry in entries))
    return load(path)


def refusal(tmp_path: Path, entry: str) -> tuple[str, str]:
    inventory = loaded(tmp_path, entry)
    assert inventory.records == ()
    [refused] = inventory.refused
    return refused.code, refused.sentence


def test_redundancy_group_and_uplinks_are_facts_of_a_device(tmp_path: Path) -> None:
    [record] = loaded(tmp_path, GOOD[:-1] + ", redundancy_group: fra-dist, uplinks: [core2, core1, core2]}").records
    assert (record.redundancy_group, record.uplinks) == ("fra-dist", ("core1", "core2"))
    assert "uplinks must be a list." in refusal(tmp_path, GOOD[:-1] + ", uplinks: core1}")[1]


def test_criticality_is_one_of_four_words_and_the_tenant_is_a_text(tmp_path: Path) -> None:
    [record] = loaded(tmp_path, GOOD[:-1] + ", criticality: vital, tenant: campus}").records
    assert (record.criticality, record.tenant) == ("vital", "campus")
    code, sentence = refusal(tmp_path, GOOD[:-1] + ", criticality: huge}")
    assert (code, "criticality “huge” is not one of low, normal, high, vital." in sentence) == (
        "INV_FIELD_MISSING",
        True,
    )


def test_all_fields_are_taken_as_they_are_written(tmp_path: Path) -> None:
    entry = (
        "{key: dcim-7, name: fra-acc-01, platform: cisco_ios, address: 'fra-acc-01.example.net', port: 2222,"
        " site: FRA, role: access, status: maintenance, hostname: fra-acc-01, serial: 'FOC0012E5', model: C2960X,"
        f" credential: lab, tags: [b, a], host_keys: ['{KEY} a comment']}}"
    )
    inventory = loaded(tmp_path, entry)
    assert inventory.refused == ()
    [record] = inventory.records
    assert (record.key, record.name, record.address, record.port) == (
        "dcim-7", "fra-acc-01", "fra-acc-01.example.net", 2222,
    )  # fmt: skip
    assert (record.site, record.role, record.status, record.serial) == ("FRA", "access", "maintenance", "FOC0012E5")
    assert record.tags == ("a", "b")
    [key] = record.host_keys
    assert f"{key.key_type} {key.public_key}" == KEY


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    [record] = loaded(tmp_path, GOOD).records
    assert (record.key, record.port, record.status, record.tags, record.host_keys) == ("sw1", 22, "active", (), ())


def test_a_number_may_be_a_key(tmp_path: Path) -> None:
    [record] = loaded(tmp_path, "{key: 17, name: sw1, platform: cisco_ios, address: 192.0.2.1}").records
    assert record.key == "17"


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        ("just text", "INV_FIELD_MISSING", "not a mapping"),
        ("{platform: cisco_ios, address: 192.0.2.1}", "INV_FIELD_MISSING", "no name"),
        ("{name: sw1, platform: cisco_ios}", "INV_NO_PRIMARY_IP", "no address"),
        ("{name: sw1, platform: vax, address: 192.0.2.1}", "PLATFORM_UNMAPPED", "vax"),
        (GOOD.replace("}", ", sight: FRA}"), "INV_FIELD_MISSING", "unknown field sight"),
        (GOOD.replace("sw1", "address-1").replace("}", ", port: 0}"), "INV_FIELD_MISSING", "port"),
        (GOOD.replace("}", ", port: true}"), "INV_FIELD_MISSING", "port"),
        (GOOD.replace("}", ", port: '22'}"), "INV_FIELD_MISSING", "port"),
        (GOOD.replace("}", ", status: gone}"), "INV_FIELD_MISSING", "status"),
        (GOOD.replace("}", ", tags: edge}"), "INV_FIELD_MISSING", "tags"),
        (GOOD.replace("}", ", tags: [1]}"), "INV_FIELD_MISSING", "tags"),
        (GOOD.replace("}", ", host_keys: [abc]}"), "INV_FIELD_MISSING", "host_keys"),
        (GOOD.replace("}", ", host_keys: ['ssh-rsa !!']}"), "INV_FIELD_MISSING", "host_keys"),
        (GOOD.replace("}", ", host_keys: 'ssh-rsa AAAA'}"), "INV_FIELD_MISSING", "host_keys"),
    ],
)
def test_an_entry_that_is_no_device_is_refused_with_its_reason(
    tmp_path: Path, entry: str, code: str, words: str
) -> None:
    found, sentence = refusal(tmp_path, entry)
    assert found == code
    assert words in sentence


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("site", "NO"),
        ("serial", "0012345"),
        ("serial", "1.2e+5"),
        ("site", "12:30:45"),
        ("name", "17"),
        ("role", "[a]"),
        ("site", "2026-11-21"),
    ],
)
def test_a_text_that_yaml_would_change_is_refused_with_what_to_do(tmp_path: Path, field: str, value: str) -> None:
    fields = {"name": "sw1", "platform": "cisco_ios", "address": "192.0.2.1", field: value}
    code, sentence = refusal(tmp_path, "{" + ", ".join(f"{name}: {text}" for name, text in fields.items()) + "}")
    assert code == "INV_FIELD_MISSING"
    assert field in sentence
    assert "quotes" in sentence


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", '"sw1\\nreload"'),
        ("site", '"FRA\\r\\nreload"'),
        ("role", '"a\\u202eb"'),
        ("address", '"192.0.2.1 evil"'),
        ("address", '"192.0.2.1\\n* ssh-ed25519 AAAA"'),
        ("address", '"-oProxyCommand=x"'),
        ("hostname", '"a\\0b"'),
        ("name", '"' + "x" * 201 + '"'),
        ("serial", '"' + "x" * 101 + '"'),
        ("credential", '"' + "x" * 101 + '"'),
    ],
)
def test_a_text_that_could_do_harm_or_does_not_fit_is_refused(tmp_path: Path, field: str, value: str) -> None:
    fields = {"name": "sw1", "platform": "cisco_ios", "address": "192.0.2.1", field: value}
    code, sentence = refusal(tmp_path, "{" + ", ".join(f"{name}: {text}" for name, text in fields.items()) + "}")
    assert code == "INV_FIELD_MISSING"
    assert field in sentence
    assert len(sentence) < 300


@pytest.mark.parametrize("tag", ['"a\\nb"', '"' + "x" * 101 + '"'])
def test_a_tag_is_judged_like_other_texts(tmp_path: Path, tag: str) -> None:
    _code, sentence = refusal(tmp_path, f"{{name: sw1, platform: cisco_ios, address: 192.0.2.1, tags: [{tag}]}}")
    assert "tags" in sentence


def test_the_second_of_one_name_and_the_second_of_one_key_are_refused(tmp_path: Path) -> None:
    inventory = loaded(
        tmp_path,
        "{key: a, name: sw1, platform: cisco_ios, address: 192.0.2.1}",
        "{key: b, name: sw1, platform: cisco_ios, address: 192.0.2.2}",
        "{key: a, name: sw2, platform: cisco_ios, address: 192.0.2.3}",
    )
    assert [record.name for record in inventory.records] == ["sw1"]
    assert [(refused.key, refused.code) for refused in inventory.refused] == [
        ("b", "INV_DUPLICATE_NAME"), ("a", "INV_DUPLICATE_NAME"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no list"),
        (b"devices: {}", "no list"),
        (b"- a", "no list"),
        (b"devices: [", "not valid YAML"),
        (b"\xff\xfe\x00", "not valid YAML"),
        (b"devices:\n- !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_inventory_is_refused_as_a_whole(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_bytes(content)
    with pytest.raises(InventoryError, match=words):
        load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="cannot be read"):
        load(tmp_path / "none.yaml")
