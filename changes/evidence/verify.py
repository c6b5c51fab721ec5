#!/usr/bin/env python3
"""Checks an evidence pack of Countersign: offline, with Python 3.9 or newer and nothing else.

    python3 verify.py pack.zip [--key KEY]... [--checkpoint FILE]...

It believes nothing that the pack says about itself. It says in words what it checked and what it could not check, and
exits with 0; or names the first thing that is wrong, and exits with 1. A pack that cannot be read at all gives 2.

What it relies on: RFC 6962 (Merkle trees), RFC 8032 (Ed25519), and the C2SP forms of signed notes and checkpoints.
The forms of the pack's files are described in docs/evidence-packs.md.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

PACK_SCHEMA = "countersign.evidence-pack/1"
LINE_LIMIT = 16 * 2**20
CHUNK = 2**20
CLOCK_SKEW = timedelta(minutes=5)
BORN = {"plan": "building", "device_run": "pending"}
"""The states in which things begin that come with another one's event: a plan with its change's, a device with its
run's."""


class WrongError(Exception):
    """The first thing that is wrong, as a sentence for an auditor."""


class UnreadableError(Exception):
    """The pack, or a file that was named, is not what it has to be to be checked at all."""


# ---- Ed25519 (RFC 8032, section 5.1): verification alone

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]


def _point(encoded: bytes) -> Point | None:
    """The point that 32 bytes name; None: there is none."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    above, below = (y * y - 1) % _P, (_D * y * y + 1) % _P
    square = above * pow(below, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _add(one: Point, other: Point) -> Point:
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point, factor = _add(point, point), factor >> 1
    return total


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE = _point(_BASE_Y.to_bytes(32, "little"))


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature of 64 bytes is that of a message by a key of 32 bytes."""
    key, commitment = _point(public_key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or len(public_key) != 32 or None in {key, commitment} or scalar >= _ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(hashed, "little") % _ORDER
    left = _times(scalar, _BASE)  # type: ignore[arg-type]
    right = _add(commitment, _times(challenge, key))  # type: ignore[arg-type]
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (left[1] * right[2] - right[1] * left[2]) % _P == 0


# ---- Merkle trees (RFC 6962, section 2.1; verification as in RFC 9162, section 2.1.3 and 2.1.4)


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf with these data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """The root over leaves that come one after the other, in memory that grows with the logarithm of their number."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append the hash of the next leaf."""
        size, node = self.size, leaf
        while size & 1:
            node, size = node_hash(self._peaks.pop(), node), size >> 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree's root."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """The root to which an inclusion proof leads; None: no proof for this place has that form."""
    if not 0 <= index < size:
        return None
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return node if last == 0 else None


def is_consistent(old_size: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]) -> bool:
    """Whether a proof shows that the tree of the greater size has all of the smaller one's leaves, as they were."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return old_root == root and not proof
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        return False
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, node)
        place, last = place >> 1, last >> 1
    return last == 0 and old == old_root and new == root


# ---- signed notes and checkpoints (C2SP signed-note, tlog-checkpoint)


@dataclass(frozen=True)
class Key:
    """Somebody's public key: its name, the four bytes that name it in a signature, and its 32 bytes."""

    name: str
    short: bytes
    public: bytes
    text: str

    @property
    def fingerprint(self) -> str:
        """What people compare by eye."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.public).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head that somebody signed."""

    origin: str
    size: int
    root: bytes
    signers: tuple[str, ...]


def read_key(text: str) -> Key:
    """A key as ``name+hash+base64``.

    Raises:
        UnreadableError: it is none, or its hash is another.
    """
    text = text.strip()
    try:
        name, short, encoded = text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        given = bytes.fromhex(short)
    except (ValueError, binascii.Error):
        raise UnreadableError(f"{text[:60]!r} is not a verifier key of the form name+hash+key.") from None
    if len(raw) != 33 or raw[0] != 1:
        raise UnreadableError(f"The key {name} is not an Ed25519 key.")
    if hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4] != given:
        raise UnreadableError(f"The key {name} does not have the hash that stands beside it.")
    return Key(name, given, raw[1:], text)


def read_checkpoint(note: bytes, keys: Iterable[Key], what: str) -> Checkpoint:
    """The tree head of a signed note that at least one of the keys signed.

    Raises:
        WrongError: it is none, none of the keys signed it, or a signature in a key's name is not that key's.
    """
    try:
        text, _, signatures = note.decode().rpartition("\n\n")
        origin, size, root = text.split("\n")[:3]
        number, head = int(size), base64.b64decode(root, validate=True)
        if not signatures.endswith("\n") or str(number) != size or number < 0 or len(head) != 32 or not origin:
            raise ValueError
    except (ValueError, binascii.Error):
        raise WrongError(f"{what} is not a signed tree head.") from None
    signers = []
    for line in signatures.splitlines():
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise WrongError(f"{what} has a signature line that cannot be read.") from None
        if dash != "\u2014" or len(raw) < 5:
            raise WrongError(f"{what} has a signature line that cannot be read.")
        for key in keys:
            if (key.name, key.short) == (name, raw[:4]):
                if not signature_holds(key.public, f"{text}\n".encode(), raw[4:]):
                    raise WrongError(
                        f"{what} bears the name of {name}, but its signature is not that key's: it was altered."
                    )
                signers.append(name)
    if not signers:
        raise WrongError(
            f"{what} is not signed by any key that you trust. It was signed with another key: either the log's key was"
            " changed and you have not been given the new one, or somebody else made this log."
        )
    return Checkpoint(origin, number, head, tuple(signers))


# ---- the archive


class Pack:
    """The files of a pack; each is read as a stream and only once it was found in the list of files."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile):
            raise UnreadableError(f"{path} is no complete zip archive: it was cut off, or is something else.") from None
        names = self._zip.namelist()
        doubled = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if doubled:
            raise WrongError(f"The archive holds two files named {doubled[0]}; readers would see one or the other.")
        self.names = frozenset(names)

    def lines(self, name: str) -> Iterator[bytes]:
        """Its lines, without their line feeds."""
        with self._open(name) as stream:
            while line := stream.readline(LINE_LIMIT):
                if not line.endswith(b"\n"):
                    raise WrongError(
                        f"{name} ends in the middle of a line, or has one of more than {LINE_LIMIT} bytes."
                    )
                yield line[:-1]

    def whole(self, name: str, limit: int = LINE_LIMIT) -> bytes:
        """All of a small file."""
        with self._open(name) as stream:
            data: bytes = stream.read(limit + 1)
        if len(data) > limit:
            raise WrongError(f"{name} is larger than such a file can be.")
        return data

    def json(self, name: str) -> Any:
        """What a small JSON file says."""
        return parse(self.whole(name), name)

    def digest(self, name: str) -> tuple[int, str]:
        """Size and SHA-256 of a file."""
        size, hashed = 0, hashlib.sha256()
        with self._open(name) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                hashed.update(chunk)
        return size, hashed.hexdigest()

    def _open(self, name: str) -> _Stream:
        if name not in self.names:
            raise WrongError(f"{name} is missing from the pack.")
        return _Stream(self._zip, name)


class _Stream:
    """A file of the archive, whose damage is told as such."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._name = name
        self._file = archive.open(name)

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise WrongError(f"{self._name} is damaged in the archive ({error}).") from None

    def readline(self, limit: int) -> bytes:
        try:
            return self._file.readline(limit)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise WrongError(f"{self._name} is damaged in the archive ({error}).") from None


def parse(data: bytes, what: str) -> Any:
    """JSON in which no name stands twice.

    Raises:
        WrongError: it is none.
    """

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError
        return found

    try:
        return json.loads(data, object_pairs_hook=members)
    except (ValueError, RecursionError):
        raise WrongError(f"{what} is not JSON that can be read in one way only.") from None


def moment(text: str, what: str) -> datetime:
    """A time in UTC as the log writes it.

    Raises:
        WrongError: it is none.
    """
    try:
        if not text.endswith("Z"):
            raise ValueError(text)
        return datetime.fromisoformat(f"{text[:-1]}+00:00")
    except (ValueError, TypeError):
        raise WrongError(f"{what} has no time that can be read.") from None


def hashes(texts: list[str], what: str) -> list[bytes]:
    """The hashes of a proof.

    Raises:
        WrongError: they are none.
    """
    try:
        found = [bytes.fromhex(text) for text in texts]
    except (TypeError, ValueError):
        raise WrongError(f"The proof of {what} cannot be read.") from None
    if any(len(item) != 32 for item in found):
        raise WrongError(f"The proof of {what} cannot be read.")
    return found


# ---- what the log says, event by event


@dataclass(frozen=True)
class Event:
    """One event of the log, once it is proved to stand there."""

    id: int
    at: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """How reports call it."""
        who, thing = self.body["actor"]["name"], self.body["object"]
        return f"event {self.id} ({self.body['action']} by {who}: {thing['label'] or thing['type']})"

    @property
    def details(self) -> dict[str, Any]:
        """Its details."""
        found: dict[str, Any] = self.body.get("details") or {}
        return found


def read_event(line: bytes, place: int) -> Event:
    """The event of a line.

    Raises:
        WrongError: it has not the form of one.
    """
    said = parse(line, f"Line {place} of the events")
    body = said.get("body") if isinstance(said, dict) else None
    if not isinstance(body, dict) or not {"action", "actor", "object", "state"} <= set(body):
        raise WrongError(f"Line {place} of the events is no event.")
    return Event(said["id"], said["at"], body)


# ---- the story of one change


@dataclass
class Approval:
    """An approval that still counts."""

    stage: str
    person: int
    absent: int | None
    group: str
    digest: str
    at: datetime
    name: str

    @property
    def people(self) -> set[int]:
        """Who gave it, and for whom."""
        return {self.person} if self.absent is None else {self.person, self.absent}


@dataclass
class Story:
    """What the log has said of one change so far."""

    number: str
    hands: dict[int, str] = field(default_factory=dict)
    plans: dict[str, int] = field(default_factory=dict)
    demands: dict[int, str] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    devices: frozenset[str] | None = None
    runs: int = 0


class Stories:
    """Judges the changes of a pack while their events go by, oldest first."""

    def __init__(self, pack: Pack, enclosed: dict[str, Any]) -> None:
        self._pack = pack
        self._enclosed = enclosed
        self._stories: dict[int, Story] = {}
        self._template_hands: dict[str, dict[int, str]] = {}
        self.plans = self.runs = self.devices = 0

    def take(self, event: Event) -> None:
        """Judge the next event.

        Raises:
            WrongError: it does not follow from those before it.
        """
        thing = event.body["object"]
        wrote = event.body["action"] in {"template_version.created", "template_version.edited"}
        if wrote and event.body["actor"]["id"] is not None:
            self._template_hands.setdefault(thing["id"], {})[event.body["actor"]["id"]] = event.name
        change = event.body.get("change_id")
        if change is None or str(change) not in self._enclosed:
            return
        story = self._stories.setdefault(change, Story(number=self._enclosed[str(change)]["number"]))
        self._follow(story, event)
        action = event.body["action"]
        handler = {
            "change.created": self._written,
            "change.edited": self._written,
            "plan.ready": self._planned,
            "plan_demand.settled": self._asked,
            "plan_demand.replaced": self._asked,
            "change.submitted": self._submitted,
            "approval.approved": self._approved,
            "approval.withdrawn": self._withdrawn,
            "run.started": self._started,
        }.get(action)
        if handler is not None:
            handler(story, event)
        if thing["type"] == "device_run":
            self._device(story, event)

    def end(self) -> None:
        """Nothing follows.

        Raises:
            WrongError: a plan is enclosed of which the log says nothing.
        """
        for key, told in self._enclosed.items():
            story = self._stories.get(int(key))
            for revision in told["revisions"]:
                if story is None or story.plans.get(revision["digest"]) != revision["id"]:
                    raise WrongError(
                        f"The pack encloses revision {revision['number']} of {told['number']}, but the log has no event"
                        " that says this plan was made: it was put there, or its event was left out."
                    )

    def _follow(self, story: Story, event: Event) -> None:
        """A thing is found in the state in which it was left."""
        thing, state = event.body["object"], event.body["state"]
        if thing["type"] not in {"change", "run", "device_run", "plan"} or not state["to"]:
            return
        key = (thing["type"], thing["id"])
        known = story.states.get(key, BORN.get(thing["type"], ""))
        if state["from"] and state["from"] != known:
            left = f"was left {known!r}" if known else "has no earlier event"
            raise WrongError(
                f"{event.name} says that it was {state['from']!r} before, but by the events enclosed it {left}:"
                " an event is missing in between."
            )
        story.states[key] = state["to"]

    def _written(self, story: Story, event: Event) -> None:
        actor = event.body["actor"]
        if actor["id"] is not None:
            story.hands.setdefault(actor["id"], event.name)
        version = (event.body.get("after") or {}).get("template_version_id")
        if version is not None:
            for person, name in self._template_hands.get(str(version), {}).items():
                story.hands.setdefault(person, name)

    def _planned(self, story: Story, event: Event) -> None:
        revision, digest = int(event.body["object"]["id"]), event.details["digest"]
        story.plans[digest] = revision

    def _asked(self, story: Story, event: Event) -> None:
        story.demands[int(event.body["object"]["id"])] = event.body["state"]["to"]

    def _submitted(self, story: Story, _event: Event) -> None:
        story.approvals.clear()

    def _approved(self, story: Story, event: Event) -> None:
        details = event.details
        story.approvals[event.body["object"]["id"]] = Approval(
            stage=details["stage"],
            person=details.get("approver_id") or event.body["actor"]["id"],
            absent=details.get("on_behalf_of_id"),
            group=details.get("group", ""),
            digest=details["plan_digest"],
            at=moment(details.get("given_at") or event.at, event.name),
            name=event.name,
        )

    def _withdrawn(self, story: Story, event: Event) -> None:
        story.approvals.pop(event.body["object"]["id"], None)

    def _started(self, story: Story, event: Event) -> None:
        digest = event.details["plan_digest"]
        if digest not in story.plans:
            raise WrongError(f"{event.name} ran the plan {digest}, which by the log was never made.")
        revision = self._revision(story, event, story.plans[digest])
        story.devices = self._plan(story, revision, digest)
        self._judge(story, event, revision, digest)
        story.runs += 1
        self.runs += 1

    def _revision(self, story: Story, event: Event, revision_id: int) -> dict[str, Any]:
        told: list[dict[str, Any]] = self._enclosed[str(event.body["change_id"])]["revisions"]
        for revision in told:
            if revision["id"] == revision_id:
                return revision
        raise WrongError(f"The pack does not enclose the plan of {story.number} that {event.name} carried out.")

    def _plan(self, story: Story, revision: dict[str, Any], digest: str) -> frozenset[str]:
        """The digests of the devices of a plan, whose bytes make its digest."""
        leaves = []
        for told in revision["devices"]:
            data = self._pack.whole(told["file"])
            found = hashlib.sha256(data).hexdigest()
            payload = parse(data, told["file"])
            name = payload["device"]["name"]
            if found != told["digest"]:
                raise WrongError(
                    f"The plan for {name} in revision {revision['number']} of {story.number} is not the one that was"
                    f" approved: its bytes have the digest {found}, not {told['digest']}."
                )
            leaves.append((payload["device"]["source"].encode(), payload["device"]["key"].encode(), found))
        tree = GrowingTree()
        for _source, _key, found in sorted(leaves):
            tree.add(leaf_hash(bytes.fromhex(found)))
        if tree.root().hex() != digest:
            raise WrongError(
                f"The device plans of revision {revision['number']} of {story.number} make the digest"
                f" {tree.root().hex()}, but what was approved is {digest}: a device was taken out, put in or exchanged."
            )
        self.plans += 1
        return frozenset(found for _source, _key, found in leaves)

    def _judge(self, story: Story, event: Event, revision: dict[str, Any], digest: str) -> None:
        """The approvals that stood when a run was started are those that the policy asked for, by others."""
        demand = self._demand(story, revision)
        starter = event.body["actor"]
        duties = {duty["duty"] for duty in demand["duties"]}
        if "implementer_apart" in duties and starter["id"] in story.hands:
            raise WrongError(
                f"{event.name}: the policy asked that somebody else carries {story.number} out than who wrote it, but"
                f" {starter['name']} has a hand in it by {story.hands[starter['id']]}."
            )
        if not demand["stages"] and not demand["pre_approved"]:
            raise WrongError(f"{event.name} started although the policy's answer for {story.number} names no approval.")
        used: set[int] = set()
        started = moment(event.at, event.name)
        for stage in demand["stages"]:
            self._stage(story, event, stage, digest, used, started)
        if starter["id"] in used:
            raise WrongError(f"{event.name}: {starter['name']} carried out the plan that they had approved themselves.")

    def _demand(self, story: Story, revision: dict[str, Any]) -> dict[str, Any]:
        data = self._pack.whole(revision["demand"])
        known = story.demands.get(revision["id"])
        if hashlib.sha256(data).hexdigest() != known:
            raise WrongError(
                f"What the policy asked of revision {revision['number']} of {story.number} is not what the log has"
                f" under the digest {known}: the enclosed demand was altered."
            )
        demand: dict[str, Any] = parse(data, revision["demand"])
        return demand

    def _stage(
        self, story: Story, event: Event, stage: dict[str, Any], digest: str, used: set[int], started: datetime
    ) -> None:
        hours = stage.get("expires_after_h") or 0
        counted, groups, not_counted = 0, set(), []
        for approval in story.approvals.values():
            if approval.stage != stage["name"]:
                continue
            hand = next((story.hands[person] for person in approval.people if person in story.hands), None)
            if approval.digest != digest:
                not_counted.append(f"{approval.name} is of another plan")
            elif hand is not None:
                not_counted.append(f"{approval.name} is by somebody with a hand in the change ({hand})")
            elif approval.people & used:
                not_counted.append(f"{approval.name} is by somebody who counts already")
            elif hours and approval.at + timedelta(hours=hours) <= started:
                not_counted.append(f"{approval.name} had expired")
            else:
                used |= approval.people
                groups.add(approval.group)
                counted += 1
        lacking = sorted(set(stage["groups"]) - groups) if stage.get("from_each_group") else []
        if counted < max(stage["quorum"], 1) or lacking:
            why = f" Not counted: {'; '.join(not_counted)}." if not_counted else ""
            raise WrongError(
                f"{event.name}: {story.number} was carried out with {counted} of {max(stage['quorum'], 1)} approvals in"
                f" the stage {stage['title']}.{why}"
            )

    def _device(self, story: Story, event: Event) -> None:
        digest = event.details.get("plan_digest")
        if story.devices is None:
            raise WrongError(f"{event.name} stands before any run of {story.number} was started.")
        if digest not in story.devices:
            raise WrongError(
                f"{event.name} carried out a device plan with the digest {digest}, which is not in the plan that was"
                f" approved for {story.number}."
            )
        if event.body["action"] == "device_run.ended":
            self.devices += 1


# ---- the checks, in the order in which a doubt would arise


class Check:
    """All checks of one pack; each says in words what it found."""

    def __init__(self, pack: Pack, say: Any) -> None:
        self._pack = pack
        self._say = say
        self._manifest: dict[str, Any] = {}
        self._keys: list[Key] = []
        self._pinned = False

    def run(self, keys: list[Key], held: list[tuple[str, bytes]]) -> None:
        """Check everything.

        Raises:
            WrongError: at the first thing that is wrong.
        """
        self._files()
        self._choose_keys(keys)
        head = read_checkpoint(self._pack.whole("log/checkpoint"), self._keys, "The pack's tree head")
        self._say(
            f"The tree head over {head.size} entries of the log {head.origin} is signed by {', '.join(head.signers)}."
        )
        self._anchors(head, held)
        self._events(head)
        self._limits()

    def _files(self) -> None:
        manifest = self._pack.json("manifest.json")
        if not isinstance(manifest, dict) or manifest.get("schema") != PACK_SCHEMA:
            raise UnreadableError(f"This is no {PACK_SCHEMA}; use the verify.py that belongs to it.")
        self._manifest = manifest
        listed = {item["path"]: item for item in manifest["files"]}
        for name in sorted(self._pack.names - set(listed) - {"manifest.json"}):
            if not name.startswith("log/"):
                raise WrongError(f"{name} is in the archive, but not in the manifest: it was put there afterwards.")
        for path, item in listed.items():
            size, digest = self._pack.digest(path)
            if (size, digest) != (item["size"], item["sha256"]):
                raise WrongError(f"{path} was altered: it has {size} bytes with the SHA-256 {digest}.")
        self._say(f"All {len(listed)} files are those of the manifest, byte for byte.")

    def _choose_keys(self, keys: list[Key]) -> None:
        self._pinned = bool(keys)
        self._keys = keys or [read_key(line.decode()) for line in self._pack.lines("log/keys")]
        if not self._pinned:
            for key in self._keys:
                self._say(
                    f"ATTENTION: the key {key.name} was taken from the pack itself. Compare it with what you were"
                    f" given by another way, or name it with --key: {key.fingerprint}"
                )

    def _anchors(self, head: Checkpoint, held: list[tuple[str, bytes]]) -> None:
        proofs = {}
        if "log/consistency.jsonl" in self._pack.names:
            for line in self._pack.lines("log/consistency.jsonl"):
                said = parse(line, "A consistency proof")
                proofs[said["size"]] = (said["checkpoint"], hashes(said["proof"], "consistency"))
        for size, (note, proof) in proofs.items():
            old = read_checkpoint(note.encode(), self._keys, f"The earlier tree head over {size} entries")
            self._same_log(head, old, proof, "an earlier tree head of the pack")
        if proofs:
            self._say(f"{len(proofs)} earlier tree heads are beginnings of the same log.")
        for name, note in held:
            old = read_checkpoint(note, self._keys, f"The tree head that you hold in {name}")
            known = proofs.get(old.size)
            if old.size > head.size:
                raise WrongError(
                    f"You hold a tree head over {old.size} entries in {name}, but the pack's is over {head.size} only:"
                    " the log was taken back to an older state, or the pack is older than what you hold."
                )
            if known is None and old.size < head.size:
                raise WrongError(
                    f"The pack has no proof from the tree head in {name} ({old.size} entries) to its own. Ask for a"
                    " pack that is made for this tree head."
                )
            self._same_log(head, old, known[1] if known else [], f"the tree head that you hold in {name}")
            self._say(f"The tree head that you hold in {name} is a beginning of the same log.")

    def _same_log(self, head: Checkpoint, old: Checkpoint, proof: list[bytes], what: str) -> None:
        same = old.origin == head.origin
        if not same or not is_consistent(old.size, old.root, head.size, head.root, proof):
            raise WrongError(
                f"The log does not continue {what} ({old.size} entries): two different histories were signed."
                " Somebody was shown another log than you."
            )

    def _events(self, head: Checkpoint) -> None:
        stories = Stories(self._pack, self._manifest["changes"])
        made = moment(self._manifest["made_at"], "The manifest")
        tree = GrowingTree() if self._manifest["whole_log"] else None
        count = 0
        for event in self._proved(head, tree):
            if moment(event.at, event.name) > made + CLOCK_SKEW:
                raise WrongError(f"{event.name} is of {event.at}, which is later than the pack itself.")
            stories.take(event)
            count += 1
        if count != self._manifest["events"]:
            raise WrongError(f"The manifest speaks of {self._manifest['events']} events, but there are {count}.")
        stories.end()
        if tree is None:
            self._say(f"Each of the {count} events stands in the log under this head, unchanged.")
        else:
            self._say(
                f"The {count} events are the first {count} entries of the log: none is missing, none was changed."
            )
        self._receipt(head)
        if stories.runs:
            self._say(
                f"{stories.plans} plans have the digests that were approved; {stories.runs} runs were started with the"
                " approvals that the policy asked for, by people without a hand in the change;"
                f" {stories.devices} devices were given approved plans and no others."
            )

    def _proved(self, head: Checkpoint, tree: GrowingTree | None) -> Iterator[Event]:
        before = -1
        proofs: Iterable[bytes | None] = self._pack.lines("log/proofs.jsonl") if tree is None else ()
        for place, (line, proof) in enumerate(zip_longest(self._pack.lines("events.jsonl"), proofs), start=1):
            if line is None:
                raise WrongError(f"There are proofs for more than the {place - 1} events: an event was left out.")
            event = read_event(line, place)
            if tree is not None:
                tree.add(leaf_hash(line))
            elif proof is None:
                raise WrongError(f"There is no proof for {event.name}: it was put in.")
            else:
                before = self._included(head, line, parse(proof, "A proof"), event, before)
            yield event
        if tree is not None:
            self._complete(head, tree)

    def _complete(self, head: Checkpoint, tree: GrowingTree) -> None:
        proof = hashes(self._pack.json("log/whole.json")["proof"], "completeness")
        if not is_consistent(tree.size, tree.root(), head.size, head.root, proof):
            raise WrongError(
                f"The {tree.size} events enclosed are not the first {tree.size} entries of the signed log: one was"
                " edited, left out, put in or moved."
            )

    def _included(self, head: Checkpoint, line: bytes, said: Any, event: Event, before: int) -> int:
        if said["event"] != event.id:
            raise WrongError(f"Where the proof of event {said['event']} stands, there is {event.name}: it was moved.")
        if said["leaf"] <= before:
            raise WrongError(f"{event.name} does not stand in the order of the log.")
        if (
            root_from_inclusion(leaf_hash(line), said["leaf"], head.size, hashes(said["proof"], event.name))
            != head.root
        ):
            raise WrongError(
                f"{event.name} is not what was sealed: with its text the proof does not lead to the signed tree head."
                " It was edited, or never stood in the log."
            )
        leaf: int = said["leaf"]
        return leaf

    def _receipt(self, head: Checkpoint) -> None:
        """The log itself says that this pack was made, with this manifest."""
        lines = list(self._pack.lines("log/receipt.jsonl"))
        if len(lines) != 2:
            raise WrongError("The receipt of this pack cannot be read.")
        event = read_event(lines[0], 1)
        self._included(head, lines[0], parse(lines[1], "The receipt's proof"), event, -1)
        _size, digest = self._pack.digest("manifest.json")
        if event.body["action"] != "evidence_pack.made" or event.details.get("manifest_sha256") != digest:
            raise WrongError(
                f"The log says that a pack was made with another manifest than this one ({digest}): a file was"
                " exchanged together with the manifest."
            )
        self._say(f"The log itself says that {event.body['actor']['name']} had this pack made, on {event.at}.")

    def _limits(self) -> None:
        self._say("")
        self._say("What this does not show:")
        if not self._manifest["whole_log"]:
            self._say(
                "- that no event was left out. A change's steps follow from each other, so a missing step would be"
                " noticed; other events about it may be missing. A pack of the whole log shows that too."
            )
        self._say(
            "- that transcripts and configurations are true: they are what the server recorded, with secrets masked."
            " They are under the manifest that the log names."
        )
        if not self._pinned:
            self._say("- whose log this is: the key came with the pack. Name the key that you know with --key.")
        self._say(
            "- that you were shown the only log: keep the tree heads that you receive, and name them with --checkpoint."
        )


def main(arguments: list[str] | None = None) -> int:
    """Check the pack that is named."""
    parser = argparse.ArgumentParser(description="Checks an evidence pack of Countersign, offline.")
    parser.add_argument("pack", type=Path)
    parser.add_argument("--key", action="append", default=[], help="a verifier key that you trust: name+hash+key")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, help="a tree head that you hold")
    given = parser.parse_args(arguments)

    def say(sentence: str) -> None:
        sys.stdout.write(f"{sentence}\n")

    try:
        keys = [read_key(key) for key in given.key]
        held = [(str(path), path.read_bytes()) for path in given.checkpoint]
        Check(Pack(given.pack), say).run(keys, held)
    except (UnreadableError, OSError) as error:
        say(f"CANNOT BE CHECKED: {error}")
        return 2
    except WrongError as error:
        say(f"WRONG: {error}")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        say(f"WRONG: the pack does not have the form of its kind ({type(error).__name__}: {error}).")
        return 1
    say("")
    say("Nothing wrong was found.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
