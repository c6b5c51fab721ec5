"""Packs made by hand, from the forms in docs/evidence-packs.md alone; nothing of the product is used."""

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "example.net/countersign"


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(place: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if place < k:
        return [*path(place, leaves[:k]), root(leaves[k:])]
    return [*path(place - k, leaves[k:]), root(leaves[:k])]


def consistency(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 6962, section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = _split(len(leaves))
    if old <= k:
        return [*consistency(old, leaves[:k], whole=whole), root(leaves[k:])]
    return [*consistency(old - k, leaves[k:], whole=False), root(leaves[:k])]


@dataclass
class Signer:
    """A key with a name."""

    name: str = ORIGIN
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def _public(self) -> bytes:
        return b"\1" + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def _short(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self._public).digest()[:4]

    @property
    def verifier(self) -> str:
        return f"{self.name}+{self._short.hex()}+{base64.b64encode(self._public).decode()}"

    def checkpoint(self, leaves: list[bytes], *, origin: str = ORIGIN) -> bytes:
        text = f"{origin}\n{len(leaves)}\n{base64.b64encode(root(leaves)).decode()}\n"
        signed = base64.b64encode(self._short + self.key.sign(text.encode())).decode()
        return f"{text}\n\u2014 {self.name} {signed}\n".encode()


@dataclass
class Log:
    """Events of one change, from its draft to its end, and what they speak about."""

    lines: list[bytes] = field(default_factory=list)
    twists: dict[str, Callable[[dict[str, Any]], object]] = field(default_factory=dict)
    """What a dishonest server writes instead, by the action of the event."""
    first: dict[str, Callable[["Log"], object]] = field(default_factory=dict)
    """What it writes before, by the action of the event."""

    def say(self, actor: tuple[int | None, str], action: str, kind: str, key: object, **parts: object) -> int:
        if action in self.first:
            self.first.pop(action)(self)
        number = len(self.lines) + 1
        body: dict[str, Any] = {
            "schema": "countersign.audit-event/1",
            "actor": {"id": actor[0], "name": actor[1], "origin": "web", "request_id": "", "ip": ""},
            "action": action,
            "object": {"type": kind, "id": str(key), "label": parts.pop("label", "")},
            "change_id": parts.pop("change_id", 1),
            "device_id": None,
            "state": {"from": parts.pop("state_from", ""), "to": parts.pop("state_to", "")},
            "code": "",
            "reason": "",
            "before": None,
            "after": parts.pop("after", None),
            "details": parts.pop("details", None),
        }
        assert not parts
        if action in self.twists:
            self.twists[action](body)
        at = f"2026-03-01T10:{number // 60:02}:{number % 60:02}.000000Z"
        line = json.dumps({"id": number, "at": at, "txid": number, "db_user": "app"}, separators=(",", ":")).encode()
        self.lines.append(line[:-1] + b',"body":' + canonical(body) + b"}")
        return number

    @property
    def leaves(self) -> list[bytes]:
        return [leaf(line) for line in self.lines]


OLIVIA, PETE, ANA, TINA = (1, "olivia"), (2, "pete"), (3, "ana"), (9, "tina")
WORKER = (None, "worker")


def device_plan(name: str) -> bytes:
    device = {"source": "netbox", "key": name, "name": name}
    return canonical({"schema": "countersign.device-plan/2", "device": device, "commands": [f"hostname {name}"]})


def plan_digest(plans: list[bytes]) -> str:
    return root([leaf(hashlib.sha256(plan).digest()) for plan in plans]).hex()


PLANS = [device_plan("fra-01"), device_plan("fra-02")]
DIGEST = plan_digest(PLANS)


def demand(**other: object) -> dict[str, Any]:
    stages = [
        {"name": "peer", "title": "Technical peer", "groups": ["peer"], "quorum": 1, "expires_after_h": 0},
        {"name": "cab", "title": "CAB", "groups": ["cab"], "quorum": 1, "expires_after_h": 24},
    ]
    return {"stages": stages, "duties": [], "pre_approved": False, **other}


@dataclass
class Case:
    """A change that went well; tests spoil one thing and look what is said."""

    demand: dict[str, Any] = field(default_factory=demand)
    approvals: list[tuple[tuple[int, str], str, dict[str, Any]]] = field(
        default_factory=lambda: [(PETE, "peer", {}), (ANA, "cab", {})]
    )
    starter: tuple[int, str] = OLIVIA
    ran: str = DIGEST
    device_digests: list[str] = field(default_factory=lambda: [sha256(plan) for plan in PLANS])
    template_editor: tuple[int, str] | None = None
    template_reviewer: tuple[int, str] | None = None
    twists: dict[str, Callable[[dict[str, Any]], object]] = field(default_factory=dict)
    first: dict[str, Callable[[Log], object]] = field(default_factory=dict)
    then: Callable[[Log], object] = lambda _log: None

    def log(self) -> Log:
        log = Log(twists=self.twists, first=dict(self.first))
        demand_digest = sha256(canonical(self.demand))
        after: dict[str, object] = {"title": "Time"}
        if self.template_editor is not None:
            about = {"digest": "7" * 64, "version": "TPL-0001 v2"}
            log.say(
                self.template_editor, "template_version.created", "template_version", 7, change_id=None,
                state_to="draft", details=about,
            )  # fmt: skip
            after["template_version_id"] = 7
        if self.template_reviewer is not None:
            log.say(
                self.template_reviewer, "template_version.approved", "template_version", 7, change_id=None,
                state_from="draft", state_to="approved", details={"digest": "7" * 64},
            )  # fmt: skip
        log.say(OLIVIA, "change.created", "change", 1, state_to="draft", after=after)
        log.say(
            WORKER, "plan.ready", "plan", 5, state_from="", state_to="ready", details={"digest": DIGEST, "devices": {}}
        )
        log.say(OLIVIA, "plan_demand.settled", "plan_demand", 5, state_to=demand_digest)
        handed_in = {"plan_digest": DIGEST, "demand_digest": demand_digest}
        log.say(OLIVIA, "change.submitted", "change", 1, state_from="draft", state_to="assessment", details=handed_in)
        log.say(PETE, "change.assessed", "change", 1, state_from="assessment", state_to="authorization")
        for number, (person, stage, details) in enumerate(self.approvals, start=1):
            told = {"plan_digest": DIGEST, "stage": stage, "group": stage, "approver_id": person[0], **details}
            log.say(person, "approval.approved", "approval", number, state_to="approved", details=told)
        log.say(ANA, "change.authorized", "change", 1, state_from="authorization", state_to="approved")
        log.say(self.starter, "change.started", "change", 1, state_from="approved", state_to="implementing")
        log.say(self.starter, "run.started", "run", 1, state_to="running", details={"plan_digest": self.ran})
        for number, digest in enumerate(self.device_digests, start=1):
            steps = ["pending", "applying", "succeeded"]
            for before, now in pairwise(steps):
                log.say(
                    WORKER,
                    "device_run.ended" if now == "succeeded" else "device_run.step_entered",
                    "device_run",
                    number,
                    state_from="" if before == "pending" else before,
                    state_to=now,
                    details={"plan_digest": digest, "run": 1},
                )
        counts = {"succeeded": len(self.device_digests)}
        log.say(WORKER, "run.ended", "run", 1, state_from="running", state_to="ended", details={"counts": counts})
        log.say(
            WORKER, "change.finished", "change", 1, state_from="implementing", state_to="review", details={"run": 1}
        )
        self.then(log)
        return log


class PackMaker:
    """Writes a pack; what a test changes in between is what the pack then says."""

    def __init__(self, case: Case, signer: Signer, *, whole_log: bool = False) -> None:
        log = case.log()
        self.signer = signer
        self.whole_log = whole_log
        self.events = list(log.lines)
        self.numbers = list(range(1, len(self.events) + 1))
        self.files: dict[str, bytes] = {"README.txt": b"Read verify.py.\n"}
        self.files["changes/CHG-00001/revision-1/demand.json"] = canonical(case.demand)
        for number, plan in enumerate(PLANS, start=1):
            self.files[f"changes/CHG-00001/revision-1/devices/{number}.json"] = plan
        self.changes: dict[str, Any] = {
            "1": {
                "number": "CHG-00001",
                "revisions": [
                    {
                        "id": 5,
                        "number": 1,
                        "digest": DIGEST,
                        "demand": "changes/CHG-00001/revision-1/demand.json",
                        "devices": [
                            {"file": f"changes/CHG-00001/revision-1/devices/{number}.json", "digest": sha256(plan)}
                            for number, plan in enumerate(PLANS, start=1)
                        ],
                    }
                ],
            }
        }
        self.log = log
        self.made_at = "2026-03-01T11:00:00.000000Z"
        self.manifest_said: bytes | None = None
        self.late: dict[str, bytes] = {}
        self.earlier = 4
        self.scope = ""

    def manifest(self) -> bytes:
        listed = {"events.jsonl": b"".join(line + b"\n" for line in self.events), **self.files}
        return canonical(
            {
                "schema": "countersign.evidence-pack/1",
                "made_at": self.made_at,
                "whole_log": self.whole_log,
                "scope": self.scope or ("whole" if self.whole_log else "change"),
                "filters": {},
                "events": len(self.events),
                "changes": self.changes,
                "files": [{"path": name, "size": len(data), "sha256": sha256(data)} for name, data in listed.items()],
            }
        )

    def write(self, path_of: Path) -> Path:
        manifest = self.manifest()
        told = {"manifest_sha256": sha256(self.manifest_said or manifest)}
        self.log.say(ANA, "evidence_pack.made", "export", "x", change_id=None, details=told)
        self.files["events.jsonl"] = b"".join(line + b"\n" for line in self.events)
        leaves = self.log.leaves
        with zipfile.ZipFile(path_of, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {**self.files, "manifest.json": manifest, **self._log(leaves), **self.late}.items():
                archive.writestr(name, data)
        return path_of

    def _log(self, leaves: list[bytes]) -> dict[str, bytes]:
        made = {
            "log/keys": f"{self.signer.verifier}\n".encode(),
            "log/checkpoint": self.signer.checkpoint(leaves),
            "log/consistency.jsonl": canonical(
                {
                    "size": self.earlier,
                    "checkpoint": self.signer.checkpoint(leaves[: self.earlier]).decode(),
                    "proof": [item.hex() for item in consistency(self.earlier, leaves)],
                }
            )
            + b"\n",
            "log/receipt.jsonl": self.log.lines[-1] + b"\n" + self._proof(len(leaves), leaves) + b"\n",
        }
        if self.whole_log:
            between = consistency(len(leaves) - 1, leaves)
            made["log/whole.json"] = canonical({"proof": [item.hex() for item in between]})
        else:
            made["log/proofs.jsonl"] = b"".join(self._proof(number, leaves) + b"\n" for number in self.numbers)
        return made

    @staticmethod
    def _proof(number: int, leaves: list[bytes]) -> bytes:
        proof = [item.hex() for item in path(number - 1, leaves)]
        return canonical({"event": number, "leaf": number - 1, "proof": proof})
