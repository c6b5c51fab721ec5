import dataclasses
import hashlib
import json
import tracemalloc
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.plan import (
    SCHEMA,
    CanonicalError,
    DeviceIdentity,
    DevicePayload,
    DuplicateDeviceError,
    PayloadError,
    PlanEmptyError,
    PlanHashMismatchError,
    PlanLeaf,
    device_digest,
    device_order,
    merkle_root,
    plan_digest,
    verify_plan,
)

DEVICE = DeviceIdentity(
    source="lab",
    key="7",
    name="sw-fra-07",
    platform="cisco_ios",
    address="192.0.2.7",
    port=22,
    serial="FOC7",
    hostname="sw-fra-07",
    host_key_sha256=("SHA256:a", "SHA256:b"),
)
PAYLOAD = DevicePayload(
    device=DEVICE,
    driver="netmiko",
    baseline_sha256="b" * 64,
    commands=("ntp server 192.0.2.1",),
    expected_diff="+ntp server 192.0.2.1\n",
    target_sha256="c" * 64,
    backout=("no ntp server 192.0.2.1",),
    policy_version="builtin-1",
    post_checks=({"name": "NTP", "timeout_s": 30},),
    strategy={"max_parallel": 10, "on_failure": "backout"},
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
lines = st.lists(texts, max_size=4).map(tuple)
objects = st.dictionaries(st.text("abcXYZ_", max_size=4), st.integers(-9, 9) | texts | st.booleans(), max_size=3)
identities = st.builds(
    DeviceIdentity,
    **dict.fromkeys(("source", "key", "name", "platform", "address", "serial", "hostname"), texts),
    port=st.integers(0, 65535),
    host_key_sha256=st.sets(texts, max_size=3).map(sorted).map(tuple),
)
payloads = st.builds(
    DevicePayload,
    device=identities,
    **dict.fromkeys(("driver", "baseline_sha256", "expected_diff", "target_sha256", "policy_version"), texts),
    commands=lines,
    backout=lines,
    pre_checks=st.lists(objects, max_size=2).map(tuple),
    post_checks=st.lists(objects, max_size=2).map(tuple),
    strategy=objects,
)


def edited(fields: dict[str, Any]) -> bytes:
    return rfc8785.dumps(json.loads(PAYLOAD.to_bytes()) | fields)


@given(payloads)
def test_a_payload_survives_its_bytes(payload: DevicePayload) -> None:
    data = payload.to_bytes()
    assert DevicePayload.from_bytes(data) == payload
    assert DevicePayload.from_bytes(data).to_bytes() == data
    assert data == rfc8785.dumps(json.loads(data))


OTHER: dict[str, Any] = {
    "schema": "countersign.device-plan/1",
    "diff_source": "device",
    "backout_method": "replace",
    "confirm_within_s": 60,
    "port": 23,
    "strategy": {},
    "pre_checks": ({"name": "x"},),
    "post_checks": (),
    "commands": ("other",),
    "backout": (),
    "host_key_sha256": ("SHA256:z",),
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(DevicePayload) if field.name != "device"])
def test_every_field_is_under_the_digest(field: str) -> None:
    other = dataclasses.replace(PAYLOAD, **{field: OTHER.get(field, "other")})
    assert device_digest(other.to_bytes()) != device_digest(PAYLOAD.to_bytes())


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(DeviceIdentity)])
def test_every_field_of_the_identity_is_under_the_digest(field: str) -> None:
    device = dataclasses.replace(DEVICE, **{field: OTHER.get(field, "other")})
    other = dataclasses.replace(PAYLOAD, device=device)
    assert device_digest(other.to_bytes()) != device_digest(PAYLOAD.to_bytes())


@pytest.mark.parametrize("name", [*json.loads(PAYLOAD.to_bytes())])
def test_a_missing_field_is_refused_by_name(name: str) -> None:
    value = json.loads(PAYLOAD.to_bytes())
    del value[name]
    with pytest.raises(PayloadError, match=name):
        DevicePayload.from_bytes(rfc8785.dumps(value))


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"extra": 1}, "$", "extra"),
        ({"schema": "countersign.device-plan/3"}, "$.schema", "device-plan/2"),
        ({"schema": "countersign.device-plan/1"}, "$", "backout_method"),
        ({"diff_source": "guess"}, "$.diff_source", "device, estimate"),
        ({"backout_method": "hope"}, "$.backout_method", "commands, replace"),
        ({"confirm_within_s": -1}, "$.confirm_within_s", "negative"),
        ({"commands": "one line"}, "$.commands", "list"),
        ({"commands": [1]}, "$.commands[0]", "text"),
        ({"driver": None}, "$.driver", "text"),
        ({"driver": True}, "$.driver", "text"),
        ({"strategy": []}, "$.strategy", "object"),
        ({"pre_checks": ["x"]}, "$.pre_checks[0]", "object"),
        ({"device": []}, "$.device", "object"),
        ({"device": {**dataclasses.asdict(DEVICE), "port": True}}, "$.device.port", "integer"),
        ({"device": {**dataclasses.asdict(DEVICE), "port": "22"}}, "$.device.port", "integer"),
        ({"device": {**dataclasses.asdict(DEVICE), "os": "x"}}, "$.device", "os"),
        ({"device": {**dataclasses.asdict(DEVICE), "host_key_sha256": ["b", "a"]}}, "$.device.host_key_sha256", "sort"),
        ({"device": {**dataclasses.asdict(DEVICE), "host_key_sha256": ["a", "a"]}}, "$.device.host_key_sha256", "once"),
    ],
)
def test_a_misshapen_payload_is_refused_with_its_place(fields: dict[str, Any], where: str, says: str) -> None:
    with pytest.raises(PayloadError) as refused:
        DevicePayload.from_bytes(edited(fields))
    assert refused.value.where == where
    assert says in str(refused.value)


@pytest.mark.parametrize("data", [b"[]", b"1", b'"text"', b"null"])
def test_bytes_that_are_no_object_are_refused(data: bytes) -> None:
    with pytest.raises(PayloadError, match="object"):
        DevicePayload.from_bytes(data)


def test_bytes_in_another_form_are_refused() -> None:
    with pytest.raises(CanonicalError):
        DevicePayload.from_bytes(PAYLOAD.to_bytes() + b"\n")


def test_a_misshapen_payload_is_not_written_either() -> None:
    with pytest.raises(PayloadError, match="fingerprints"):
        dataclasses.replace(
            PAYLOAD, device=dataclasses.replace(DEVICE, host_key_sha256=("SHA256:b", "SHA256:a"))
        ).to_bytes()
    with pytest.raises(CanonicalError, match=r"\$\.strategy\.share"):
        dataclasses.replace(PAYLOAD, strategy={"share": 0.5}).to_bytes()  # type: ignore[dict-item]  # the point of it


def test_the_digest_is_over_the_bytes_as_they_are() -> None:
    assert device_digest(b"any bytes") == hashlib.sha256(b"any bytes").hexdigest()


def test_a_plan_without_devices_has_no_digest() -> None:
    for call in (lambda: merkle_root([]), lambda: plan_digest([]), lambda: verify_plan("0" * 64, [])):
        with pytest.raises(PlanEmptyError) as refused:
            call()
        assert refused.value.code == "PLAN_EMPTY"
        assert "Choose targets" in str(refused.value)


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, " " + "0" * 63])
def test_only_whole_lower_case_digests_are_hashed(digest: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case"):
        merkle_root([digest])


digests = st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), min_size=1, max_size=70)


def rfc6962(leaves: list[bytes]) -> bytes:
    """Section 2.1 as it is worded."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = max(2**power for power in range(len(leaves).bit_length()) if 2**power < len(leaves))
    return hashlib.sha256(b"\x01" + rfc6962(leaves[:k]) + rfc6962(leaves[k:])).digest()


@given(digests)
def test_the_root_is_that_of_rfc_6962(leaves: list[str]) -> None:
    assert merkle_root(leaves) == rfc6962([bytes.fromhex(leaf) for leaf in leaves]).hex()


@given(digests, st.data())
def test_changing_swapping_or_dropping_a_device_changes_the_root(leaves: list[str], data: st.DataObject) -> None:
    root = merkle_root(leaves)
    at = data.draw(st.integers(0, len(leaves) - 1))
    flipped = f"{int(leaves[at], 16) ^ 1:064x}"
    assert merkle_root([*leaves[:at], flipped, *leaves[at + 1 :]]) != root
    assert merkle_root([*leaves, leaves[at]]) != root
    if len(leaves) > 1:
        assert merkle_root(leaves[:at] + leaves[at + 1 :]) != root
        if leaves[::-1] != leaves:
            assert merkle_root(leaves[::-1]) != root


def test_a_root_of_a_subtree_does_not_pass_for_a_device() -> None:
    two = merkle_root(["00" * 32, "11" * 32])
    assert merkle_root([two, "22" * 32]) != merkle_root(["00" * 32, "11" * 32, "22" * 32])


def test_device_order_is_by_utf8_bytes_of_source_then_key() -> None:
    pairs = [("b", ""), ("a", "\U0001f600"), ("a", "\uff5e"), ("a", "9"), ("a", "10"), ("A", "z")]
    assert sorted(pairs, key=lambda pair: device_order(*pair)) == [
        ("A", "z"),
        ("a", "10"),
        ("a", "9"),
        ("a", "\uff5e"),
        ("a", "\U0001f600"),
        ("b", ""),
    ]


def many(count: int) -> list[DevicePayload]:
    return [
        dataclasses.replace(PAYLOAD, device=dataclasses.replace(DEVICE, key=f"{number:03d}")) for number in range(count)
    ]


@given(st.permutations(many(7)))
def test_the_plan_digest_does_not_depend_on_the_order_given(shuffled: list[DevicePayload]) -> None:
    assert plan_digest(shuffled) == merkle_root([device_digest(payload.to_bytes()) for payload in many(7)])


def test_a_device_that_stands_twice_is_refused() -> None:
    with pytest.raises(DuplicateDeviceError, match="Device 7 of source lab stands twice"):
        plan_digest([PAYLOAD, dataclasses.replace(PAYLOAD, commands=())])


def leaves_of(plan: list[DevicePayload]) -> list[PlanLeaf]:
    return [PlanLeaf(device_digest(payload.to_bytes()), payload.to_bytes()) for payload in plan]


def test_an_untouched_plan_verifies() -> None:
    verify_plan(plan_digest(many(5)), leaves_of(many(5)))


def test_edited_bytes_are_found_even_when_their_digest_was_edited_too() -> None:
    approved, leaves = plan_digest(many(5)), leaves_of(many(5))
    evil = leaves[3].payload.replace(b"192.0.2.1", b"192.0.2.9")
    for leaf, changed in ((PlanLeaf(leaves[3].digest, evil), (3,)), (PlanLeaf(device_digest(evil), evil), ())):
        with pytest.raises(PlanHashMismatchError) as refused:
            verify_plan(approved, [*leaves[:3], leaf, leaves[4]])
        assert refused.value.leaves == changed
        assert refused.value.code == "PLAN_HASH_MISMATCH"
        assert approved in str(refused.value)
        assert "Nothing may be sent" in str(refused.value)


def test_an_edited_digest_over_right_bytes_is_found() -> None:
    leaves = leaves_of(many(3))
    with pytest.raises(PlanHashMismatchError) as refused:
        verify_plan(plan_digest(many(3)), [leaves[0], PlanLeaf("0" * 64, leaves[1].payload), leaves[2]])
    assert refused.value.leaves == (1,)


def test_a_removed_or_moved_device_is_found() -> None:
    approved, leaves = plan_digest(many(3)), leaves_of(many(3))
    for other in (leaves[:2], [*leaves, leaves[0]], leaves[::-1]):
        with pytest.raises(PlanHashMismatchError):
            verify_plan(approved, other)


def test_the_schema_stands_in_the_bytes() -> None:
    assert json.loads(PAYLOAD.to_bytes())["schema"] == SCHEMA


def test_a_plan_of_thousands_of_devices_is_proved_without_keeping_them() -> None:
    count, payload = 4_000, b"x" * 200
    digest = device_digest(payload)
    root = merkle_root(digest for _ in range(count))
    tracemalloc.start()
    try:
        proved = verify_plan(root, (PlanLeaf(digest, payload) for _ in range(count)))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert proved == bytes.fromhex(digest) * count
    assert peak < 3 * len(proved), "two copies of the digests' bytes, and no objects for each device"
