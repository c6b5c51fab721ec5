"""What people approve: per device the exact bytes, over all devices one digest. See docs/plan-digest.md."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from changes.domain.canonical import CanonicalError, JsonValue, canonical_json, parse_canonical
from changes.domain.errors import ChangeError

__all__ = [
    "SCHEMA", "CanonicalError", "DeviceIdentity", "DevicePayload", "DuplicateDeviceError", "JsonValue",
    "PayloadError", "PlanEmptyError", "PlanHashMismatchError", "PlanLeaf", "canonical_json", "device_digest",
    "device_order", "merkle_root", "plan_digest", "verify_plan",
]  # fmt: skip

SCHEMA = "countersign.device-plan/2"
FIRST_SCHEMA = "countersign.device-plan/1"
"""Plans made before drivers declared capabilities: all estimates, all taken back by commands, never a timer."""
DIFF_SOURCES = ("device", "estimate")
BACKOUT_METHODS = ("commands", "replace")


class PayloadError(ChangeError):
    """Bytes that are canonical JSON but no device plan of this schema; ``where`` is the path to the field."""

    code = "bad_device_plan"

    def __init__(self, sentence: str, where: str) -> None:
        self.sentence = sentence
        self.where = where
        super().__init__(sentence, where)

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}"


class PlanEmptyError(ChangeError):
    """A plan without devices has no digest."""

    code = "PLAN_EMPTY"

    def __str__(self) -> str:
        return "This plan holds no device. Choose targets that match at least one device, then plan again."


class DuplicateDeviceError(ChangeError):
    """One device stands twice in a plan."""

    code = "bad_device_plan"

    def __init__(self, source: str, key: str) -> None:
        self.source = source
        self.key = key
        super().__init__(source, key)

    def __str__(self) -> str:
        return f"Device {self.key} of source {self.source} stands twice in this plan."


class PlanHashMismatchError(ChangeError):
    """The stored plan is not the approved one; ``leaves`` are the positions that do not fit their digest."""

    code = "PLAN_HASH_MISMATCH"

    def __init__(self, expected: str, found: str, leaves: Sequence[int] = ()) -> None:
        self.expected = expected
        self.found = found
        self.leaves = tuple(leaves)
        super().__init__(expected, found, self.leaves)

    def __str__(self) -> str:
        where = f" Changed device plans, counted from 0: {', '.join(map(str, self.leaves))}." if self.leaves else ""
        return (
            f"The stored plan has digest {self.found}, but {self.expected} was approved.{where}"
            " Nothing may be sent. Find out who changed the rows, then plan again and have it approved again."
        )


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Who the device must prove to be before anything is sent to it.

    ``host_key_sha256`` holds OpenSSH fingerprints (``SHA256:…``) of the pinned keys, sorted.
    """

    source: str
    key: str
    name: str
    platform: str
    address: str
    port: int
    serial: str
    hostname: str
    host_key_sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DevicePayload:
    """Everything about one device that an approval covers, and nothing else.

    ``baseline_sha256`` and ``target_sha256`` are over the normalised configuration text; ``commands`` and
    ``backout`` are lines in the order of sending; checks and strategy are JSON objects of the profile.
    ``diff_source`` says who computed diff and target: the device, or an estimate. ``backout_method`` "replace" means
    that the whole configuration is made equal to the one from before the first line, and ``backout`` is empty.
    ``confirm_within_s``: the device takes everything back unless confirmed in that time; 0 without such a timer.
    """

    device: DeviceIdentity
    driver: str
    baseline_sha256: str
    commands: tuple[str, ...]
    expected_diff: str
    target_sha256: str
    backout: tuple[str, ...]
    policy_version: str
    pre_checks: tuple[Mapping[str, JsonValue], ...] = ()
    post_checks: tuple[Mapping[str, JsonValue], ...] = ()
    strategy: Mapping[str, JsonValue] = field(default_factory=dict)
    diff_source: str = "estimate"
    backout_method: str = "commands"
    confirm_within_s: int = 0
    schema: str = SCHEMA

    def to_bytes(self) -> bytes:
        """The payload as canonical JSON: these bytes are stored, hashed, approved and executed.

        Raises:
            CanonicalError: a check or the strategy holds something outside the profile.
            PayloadError: a field has the wrong shape.
        """
        value = _to_json(self)
        _check_payload(value)
        return canonical_json(value)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what :meth:`to_bytes` wrote, and nothing else.

        Raises:
            CanonicalError: the bytes are not canonical JSON.
            PayloadError: another schema, a missing, unknown or misshapen field.
        """
        value: Any = parse_canonical(data)
        _check_payload(value)
        device = value["device"]
        return cls(
            device=DeviceIdentity(**(device | {"host_key_sha256": tuple(device["host_key_sha256"])})),
            driver=value["driver"],
            baseline_sha256=value["baseline_sha256"],
            commands=tuple(value["commands"]),
            expected_diff=value["expected_diff"],
            target_sha256=value["target_sha256"],
            backout=tuple(value["backout"]),
            policy_version=value["policy_version"],
            pre_checks=tuple(value["pre_checks"]),
            post_checks=tuple(value["post_checks"]),
            strategy=value["strategy"],
            **{name: value[name] for name in _SINCE_SECOND if name in value},
            schema=value["schema"],
        )


@dataclass(frozen=True, slots=True)
class PlanLeaf:
    """One device plan as stored: its bytes and the digest that was kept beside them."""

    digest: str
    payload: bytes


def device_digest(payload: bytes) -> str:
    """SHA-256 of the stored bytes as they are, never serialised again; in lower-case hex."""
    return hashlib.sha256(payload).hexdigest()


def device_order(source: str, key: str) -> tuple[bytes, bytes]:
    """Sort key of a device in its plan: by source, then key, as UTF-8 bytes (PostgreSQL: ``COLLATE "C"``)."""
    return source.encode(), key.encode()


def merkle_root(digests: Iterable[str]) -> str:
    """The plan digest over device digests that are already in device order, in lower-case hex.

    It is the Merkle Tree Hash of RFC 6962, section 2.1; the leaf data are each device digest's 32 bytes. They are taken
    one at a time; of all before only the roots of the full subtrees are kept, at most fourteen of 10,000 devices.

    Raises:
        PlanEmptyError: there is no device.
        ValueError: a digest is not 64 lower-case hex digits.
    """
    subtrees: list[tuple[int, bytes]] = []
    for digest in digests:
        height, node = 0, hashlib.sha256(b"\x00" + _digest_bytes(digest)).digest()
        while subtrees and subtrees[-1][0] == height:
            height, node = height + 1, _joined(subtrees.pop()[1], node)
        subtrees.append((height, node))
    if not subtrees:
        raise PlanEmptyError
    # The RFC splits at the largest power of two: the full subtrees, highest first, joined from the right.
    root = subtrees.pop()[1]
    while subtrees:
        root = _joined(subtrees.pop()[1], root)
    return root.hex()


def _joined(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def plan_digest(payloads: Iterable[DevicePayload]) -> str:
    """Put the device plans in device order and give the digest over all of them.

    Raises:
        PlanEmptyError: there is no device.
        DuplicateDeviceError: a device stands twice.
        CanonicalError, PayloadError: a payload cannot be encoded.
    """
    ordered = sorted(payloads, key=lambda payload: device_order(payload.device.source, payload.device.key))
    for first, second in pairwise(ordered):
        if (first.device.source, first.device.key) == (second.device.source, second.device.key):
            raise DuplicateDeviceError(first.device.source, first.device.key)
    return merkle_root([device_digest(payload.to_bytes()) for payload in ordered])


def verify_plan(approved_digest: str, leaves: Iterable[PlanLeaf]) -> bytes:
    """Compute every digest again from the stored bytes, in device order, before anything is executed.

    Returns the digests' 32 bytes each, one after the other. The leaves are taken one at a time and not kept.

    Raises:
        PlanEmptyError: there is no device.
        PlanHashMismatchError: the bytes are not what was approved.
    """
    computed = bytearray()
    changed: list[int] = []

    def digests() -> Iterator[str]:
        for at, leaf in enumerate(leaves):
            digest = device_digest(leaf.payload)
            computed.extend(bytes.fromhex(digest))
            if leaf.digest != digest:
                changed.append(at)
            yield digest

    root = merkle_root(digests())
    if changed or root != approved_digest:
        raise PlanHashMismatchError(approved_digest, root, changed)
    return bytes(computed)


def _digest_bytes(digest: str) -> bytes:
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ValueError(f"{digest!r} is not a SHA-256 in 64 lower-case hex digits.")
    return bytes.fromhex(digest)


def _to_json(payload: DevicePayload) -> dict[str, Any]:
    value: dict[str, Any] = {name: getattr(payload, name) for name in _shape_of(payload.schema)}
    value["device"] = {name: getattr(payload.device, name) for name in _DEVICE}
    return value


_Shape = type | list["_Shape"] | dict[str, "_Shape"]
_DEVICE: dict[str, _Shape] = {
    "source": str, "key": str, "name": str, "platform": str, "address": str, "port": int,
    "serial": str, "hostname": str, "host_key_sha256": [str],
}  # fmt: skip
_PAYLOAD: dict[str, _Shape] = {
    "schema": str, "device": _DEVICE, "driver": str, "baseline_sha256": str, "commands": [str],
    "expected_diff": str, "target_sha256": str, "backout": [str], "pre_checks": [Mapping],
    "post_checks": [Mapping], "strategy": Mapping, "policy_version": str,
}  # fmt: skip
_SINCE_SECOND: dict[str, _Shape] = {"diff_source": str, "backout_method": str, "confirm_within_s": int}
_KINDS: dict[type, str] = {str: "text", int: "an integer", Mapping: "an object"}


def _shape_of(schema: object) -> dict[str, _Shape]:
    return _PAYLOAD if schema == FIRST_SCHEMA else {**_PAYLOAD, **_SINCE_SECOND}


def _check_payload(value: Any) -> None:  # noqa: ANN401 - it is about to be found out what it is
    schema = value.get("schema", SCHEMA) if isinstance(value, Mapping) else SCHEMA
    if schema not in (SCHEMA, FIRST_SCHEMA):
        raise PayloadError(f"The schema is {schema!r}; only {SCHEMA!r} is known.", "$.schema")
    _check_shape(value, _shape_of(schema), "$")
    for name, known in (("diff_source", DIFF_SOURCES), ("backout_method", BACKOUT_METHODS)):
        if value.get(name, known[0]) not in known:
            raise PayloadError(f"This must be one of: {', '.join(known)}.", f"$.{name}")
    if value.get("confirm_within_s", 0) < 0:
        raise PayloadError("This must not be negative.", "$.confirm_within_s")
    keys = list(value["device"]["host_key_sha256"])
    if keys != sorted(set(keys)):
        raise PayloadError("The fingerprints must be sorted, each once.", "$.device.host_key_sha256")


def _check_shape(value: object, shape: _Shape, where: str) -> None:
    if isinstance(shape, dict):
        _check_fields(value, shape, where)
    elif isinstance(shape, list):
        if not isinstance(value, list | tuple):
            raise PayloadError("This must be a list.", where)
        for index, item in enumerate(value):
            _check_shape(item, shape[0], f"{where}[{index}]")
    elif not isinstance(value, shape) or (isinstance(value, bool)):
        raise PayloadError(f"This must be {_KINDS[shape]}.", where)


def _check_fields(value: object, shape: Mapping[str, _Shape], where: str) -> None:
    if not isinstance(value, Mapping):
        raise PayloadError("This must be an object.", where)
    missing, unknown = sorted(shape.keys() - value.keys()), sorted(value.keys() - shape.keys())
    if missing or unknown:
        raise PayloadError(f"Missing fields: {missing or 'none'}; unknown fields: {unknown or 'none'}.", where)
    for name, inner in shape.items():
        _check_shape(value[name], inner, f"{where}.{name}")
