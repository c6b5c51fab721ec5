"""Packs by somebody who knows how they are judged: a dishonest server, a careful forger, a trap for who unpacks one."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from changes.evidence import verify
from tests.unit.evidence.packs import (
    ANA,
    DIGEST,
    OLIVIA,
    PETE,
    PLANS,
    TINA,
    WORKER,
    Case,
    Log,
    PackMaker,
    Signer,
    canonical,
    demand,
    device_plan,
    plan_digest,
    root,
    sha256,
)

SIGNER = Signer()


def judged(pack: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    status = verify.main([str(pack), "--key", SIGNER.verifier, *options])
    return status, capsys.readouterr().out


def made(maker: PackMaker, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    return judged(maker.write(folder / "pack.zip"), capsys)


# ---- what a dishonest server seals: every proof is right, and the story is not


def details(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda body: body["details"].update(values)


def in_the_name_of_ana(body: dict[str, Any]) -> None:
    body["actor"] |= {"id": TINA[0], "name": TINA[1]}


def carried_over(body: dict[str, Any]) -> None:
    """The system says that an approval of an earlier plan goes on counting, which nobody ever gave."""
    if body["details"]["stage"] == "cab":
        body["actor"] |= {"id": None, "name": "carry-over"}
        body["details"] |= {"carried_from": "c" * 64}


def not_in_the_cab(log: Log) -> None:
    access = {"active": True, "groups": ["peer"]}
    log.say(WORKER, "user.created", "user", ANA[0], change_id=None, after={"access": access})


def in_their_groups(log: Log) -> None:
    for person, groups in ((PETE, ["peer"]), (ANA, ["cab"]), (OLIVIA, ["requester", "implementer"])):
        access = {"active": True, "groups": groups}
        log.say(WORKER, "user.created", "user", person[0], change_id=None, after={"access": access})


def no_implementer(log: Log) -> None:
    access = {"active": True, "groups": ["requester"]}
    log.say(WORKER, "user.access_changed", "user", OLIVIA[0], change_id=None, after={"access": access})


def edited_by_ana(log: Log) -> None:
    log.say(ANA, "change.edited", "change", 1, after={"title": "Time"})


def taken_back(log: Log) -> None:
    log.say(
        ANA, "approval.withdrawn", "approval", 2, state_from="approved", state_to="withdrawn", details={"stage": "cab"}
    )


def made_void(log: Log) -> None:
    log.say(WORKER, "approval.voided", "approval", 2, details={"stage": "cab", "void_cause": "policy"})


def copied(log: Log) -> None:
    """Version 1 was written by tina; olivia copied it."""
    about: dict[str, Any] = {"change_id": None, "details": {"digest": "6" * 64, "version": "TPL-0001 v1"}}
    log.say(TINA, "template_version.created", "template_version", 6, state_to="draft", **about)


def a_discussion(log: Log) -> None:
    log.say(PETE, "thread.opened", "thread", 3, state_to="open")


def resumed_by_ana(log: Log) -> None:
    log.say(ANA, "run.resumed", "run", 1, state_from="running", state_to="running")


OF_A_COPY = {
    "template_version.created": lambda body: body["object"]["id"] == "7" and details(copied_from="TPL-0001 v1")(body)
}
BASIS = {"approvals": [1, 2], "hands": [1], "demand_digest": sha256(canonical(demand()))}
ADVANCE = demand(stages=[], pre_approved=True)

DISHONEST: dict[str, tuple[Case, str]] = {
    "somebody wrote the approval in ana's name": (
        Case(twists={"approval.approved": in_the_name_of_ana}),
        "nobody approves in another's name",
    ),
    "an approval that nobody gave was carried over": (
        Case(twists={"approval.approved": carried_over}),
        "by the events enclosed that person never gave it",
    ),
    "the group is not one of the stage's": (
        Case(approvals=[(PETE, "peer", {}), (ANA, "cab", {"group": "peer"})]),
        "by the right of the group peer, which this stage does not ask",
    ),
    "who approved was not in the group": (
        Case(first={"change.created": not_in_the_cab}),
        "was not in the group cab then",
    ),
    "for somebody absent, in a stage without delegates": (
        Case(approvals=[(PETE, "peer", {}), (ANA, "cab", {"on_behalf_of_id": 7, "on_behalf_of": "ivo"})]),
        "for whom nobody may act in this stage",
    ),
    "two accounts of one name": (
        Case(approvals=[(PETE, "peer", {}), ((8, "Pete"), "cab", {})]),
        "is by somebody who counts already",
    ),
    "the author's other account, in letters that look wider": (
        Case(approvals=[(PETE, "peer", {}), ((8, "\uff4flivia"), "cab", {})]),
        "is by somebody with a hand in the change",
    ),
    "who started it is no implementer": (
        Case(first={"change.created": in_their_groups, "change.submitted": no_implementer}),
        "olivia was not in the group implementer then",
    ),
    "who approved edited it before the start": (
        Case(first={"change.started": edited_by_ana}),
        "is by somebody with a hand in the change",
    ),
    "the approval was taken back": (
        Case(first={"change.started": taken_back}),
        "with 0 of 1 approvals in the stage CAB",
    ),
    "the approval was made void by a stricter policy": (
        Case(first={"change.started": made_void}),
        "with 0 of 1 approvals in the stage CAB",
    ),
    "who wrote the version that the template was copied from approved": (
        Case(
            approvals=[(PETE, "peer", {}), (TINA, "cab", {})], template_editor=OLIVIA, twists=OF_A_COPY,
            first={"template_version.created": copied},
        ),
        "is by somebody with a hand in the change",
    ),
    "nobody says who wrote the version that was copied": (
        Case(template_editor=OLIVIA, twists=OF_A_COPY),
        "made from the template version TPL-0001 v1, but the pack has no event that says who wrote it",
    ),
    "approved in advance, though no standard change": (
        Case(demand=ADVANCE, approvals=[]),
        "it is no standard change that was made from a template",
    ),
    "approved in advance by a template that one person approved": (
        Case(
            demand=ADVANCE, approvals=[], template_editor=OLIVIA, template_reviewer=ANA,
            twists={"change.created": lambda body: body["after"].update(type="standard")},
        ),
        "0 of 2 people without a hand in it approved what its template says",
    ),
    "stages, and approved in advance": (Case(demand=demand(pre_approved=True)), "names stages, and none"),
    "a discussion is open": (
        Case(demand=demand(duties=[{"duty": "resolve_threads"}]), first={"change.started": a_discussion}),
        "although a discussion was open",
    ),
    "who approved had the run go on": (
        Case(first={"device_run.step_entered": resumed_by_ana}),
        "ana had the run go on, but they had approved the plan",
    ),
    "another plan was handed in": (
        Case(twists={"change.submitted": details(plan_digest="0" * 64)}),
        "but 0000000000000000000000000000000000000000000000000000000000000000 was the one handed in",
    ),
    "the start rested on an approval that was taken back": (
        Case(twists={"run.started": details(basis=BASIS | {"approvals": [1, 2, 3]})}),
        "rested on the approval 3, which by the events enclosed was never given",
    ),
    "an approval that the start did not count": (
        Case(twists={"run.started": details(basis=BASIS | {"approvals": [1]})}),
        "is not among those that the start names",
    ),
    "the edit of somebody was left out": (
        Case(twists={"run.started": details(basis=BASIS | {"hands": [1, 9]})}),
        "account 9 has a hand in the change, but no event enclosed does",
    ),
    "a replaced demand was left out": (
        Case(twists={"run.started": details(basis=BASIS | {"demand_digest": "0" * 64})}),
        "rested on another demand of the policy",
    ),
    "the end counts more devices": (
        Case(twists={"run.ended": details(counts={"succeeded": 3})}),
        "counts 3 succeeded, but by the events enclosed it is 2 succeeded",
    ),
    "a device of a run that was never started": (
        Case(twists={"device_run.ended": details(run=2)}),
        "stands before any run of CHG-00001 was started",
    ),
    "a thing begins twice": (
        Case(first={"change.submitted": lambda log: log.say(OLIVIA, "change.created", "change", 1, state_to="draft")}),
        "says that it was 'new' before, but by the events enclosed it was left 'draft'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DISHONEST)
def test_what_a_dishonest_server_seals(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, sentence = DISHONEST[name]
    status, said = made(PackMaker(case, SIGNER), tmp_path, capsys)
    assert (status, sentence in said) == (1, True), said


def test_what_is_told_is_believed_where_it_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The honest counterpart: groups, basis, a resumed run and a resolved discussion are no trouble."""
    case = Case(
        first={"change.created": in_their_groups, "change.started": a_discussion},
        twists={"run.started": details(basis=BASIS)},
    )
    status, said = made(PackMaker(case, SIGNER), tmp_path, capsys)
    assert status == 0, said
    assert "approvers were in the groups" not in said
    assert "CHG-00001 is review at its last event here" in said


def two_revisions(log: Log) -> None:
    log.say(WORKER, "plan.ready", "plan", 4, state_from="building", state_to="ready", details={"digest": DIGEST})


def test_two_revisions_of_the_same_digest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Planned twice with nothing changed in between: both are enclosed, and none is the other."""
    maker = PackMaker(Case(first={"plan.ready": two_revisions}), SIGNER)
    told = maker.changes["1"]["revisions"]
    told.insert(0, told[0] | {"id": 4, "number": 0})
    status, said = made(maker, tmp_path, capsys)
    assert status == 0, said


def carried(plans: list[bytes]) -> Case:
    """Ana approved an earlier plan, of these devices; her approval goes on counting for the present one."""
    digest = plan_digest(plans)

    def before(log: Log) -> None:
        log.say(WORKER, "plan.ready", "plan", 4, state_from="building", state_to="ready", details={"digest": digest})
        told = {"plan_digest": digest, "stage": "cab", "group": "cab", "approver_id": ANA[0]}
        log.say(ANA, "approval.approved", "approval", 90, state_to="approved", details=told)

    def twist(body: dict[str, Any]) -> None:
        if body["object"]["id"] == "2":
            body["actor"] |= {"id": None, "name": "carry-over"}
            body["details"] |= {"carried_from": digest}

    return Case(first={"plan.ready": before}, twists={"approval.approved": twist})


@pytest.mark.parametrize(
    ("more", "status"), [([], 1), ([PLANS[1], device_plan("fra-03")], 0)], ids=["less was seen", "all was seen"]
)
def test_an_approval_is_carried_over_where_it_covers_every_device(
    more: list[bytes], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = [PLANS[0], *more]
    maker = PackMaker(carried(plans), SIGNER)
    revision = {"id": 4, "number": 0, "digest": plan_digest(plans), "devices": []}
    for number, plan in enumerate(plans):
        maker.files[f"changes/CHG-00001/revision-0/devices/{number}.json"] = plan
        told = {"file": f"changes/CHG-00001/revision-0/devices/{number}.json", "digest": sha256(plan)}
        revision["devices"].append(told)  # type: ignore[attr-defined]
    maker.changes["1"]["revisions"].insert(0, revision)
    found, said = made(maker, tmp_path, capsys)
    assert found == status, said
    assert ("did not hold every device as it is sent" in said) is (status == 1)


# ---- what a forger leaves out of the pack, with its proof


def left_out(maker: PackMaker, *actions: bytes) -> None:
    kept = [place for place, line in enumerate(maker.events) if not any(b'"%s"' % action in line for action in actions)]
    assert len(kept) < len(maker.events)
    maker.events, maker.numbers = [maker.events[n] for n in kept], [maker.numbers[n] for n in kept]


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        (
            (b"device_run.step_entered", b"device_run.ended"),
            "counts 2 succeeded, but by the events enclosed it is nothing",
        ),
        ((b"run.started", b"run.ended", b"device_run.step_entered", b"device_run.ended"), "speaks of run 1, of which"),
        ((b"plan_demand.settled",), "does not tell what the policy asked"),
        ((b"template_version.created", b"template_version.approved"), "the pack has no event that says who wrote it"),
    ],
)
def test_events_that_were_left_out(
    actions: tuple[bytes, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maker = PackMaker(Case(template_editor=TINA, template_reviewer=ANA), SIGNER)
    left_out(maker, *actions)
    status, said = made(maker, tmp_path, capsys)
    assert (status, sentence in said) == (1, True), said


def test_every_event_of_the_change_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = PackMaker(Case(), SIGNER)
    maker.events, maker.numbers = [], []
    maker.changes["1"]["revisions"] = []
    status, said = made(maker, tmp_path, capsys)
    assert (status, "holds no event of it" in said) == (1, True), said


@pytest.mark.parametrize("whole_log", [False, True])
def test_a_change_that_the_manifest_does_not_enclose_is_not_passed_over(
    whole_log: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maker = PackMaker(Case(), SIGNER, whole_log=whole_log)
    maker.changes = {"2": {"number": "CHG-00002", "revisions": []}}
    status, said = made(maker, tmp_path, capsys)
    assert (status, "but the manifest encloses nothing of it" in said) == (1, True), said


def test_another_change_s_pack_under_this_one_s_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = PackMaker(Case(), SIGNER)
    maker.changes["1"]["number"] = "CHG-00042"
    status, said = made(maker, tmp_path, capsys)
    assert (status, "calls the change number 1 CHG-00042, which it is not" in said) == (1, True), said


def test_chosen_events_say_that_nothing_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = PackMaker(Case(approvals=[]), SIGNER)
    maker.scope, maker.changes = "filter", {}
    status, said = made(maker, tmp_path, capsys)
    assert (status, "no plan and no approval is judged" in said) == (0, True), said
    assert "runs were started" not in said


def test_chosen_events_of_a_template_need_not_follow_from_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def approved(log: Log) -> None:
        states = {"state_from": "proposed", "state_to": "approved"}
        log.say(TINA, "template_version.approved", "template_version", 9, change_id=None, **states)

    maker = PackMaker(Case(first={"change.created": approved}), SIGNER)
    maker.scope, maker.changes = "filter", {}
    status, said = made(maker, tmp_path, capsys)
    assert (status, "Nothing wrong was found." in said) == (0, True), said


def test_the_list_of_decisions_that_people_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"id": number, "decision": "approved", "stage": stage, "group": stage, "plan_digest": DIGEST, "approver": who}
        for number, (who, stage) in enumerate([("pete", "peer"), ("ana", "cab")], start=1)
    ]
    path = "changes/CHG-00001/approvals.json"
    for wrong, status in ((rows, 0), (rows[:1], 1), ([rows[0], rows[1] | {"approver": "carl"}], 1)):
        maker = PackMaker(Case(), SIGNER)
        maker.files[path] = canonical(wrong)
        found, said = made(maker, tmp_path, capsys)
        assert (found, f"{path} does not say of the decision 2" in said) == (status, status == 1), said


# ---- heads


def test_a_pack_of_the_whole_log_says_what_came_after_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = made(PackMaker(Case(), SIGNER, whole_log=True), tmp_path, capsys)
    assert status == 0, said
    assert "The 1 entries after them were written while it was made, or later." in said


def test_two_earlier_heads_of_one_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The true one stands last; the split view before it used to be overwritten by it."""
    maker = PackMaker(Case(), SIGNER)
    pack = maker.write(tmp_path / "pack.zip")
    files = contents(pack)
    true = json.loads(files["log/consistency.jsonl"])
    other = SIGNER.checkpoint([b"x" * 32, *maker.log.leaves[1:4]]).decode()
    files["log/consistency.jsonl"] = canonical({**true, "checkpoint": other}) + b"\n" + canonical(true) + b"\n"
    status, said = judged(zipped(files, pack), capsys)
    assert (status, "two different histories were signed" in said) == (1, True), said


def test_a_retired_key_signs_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = PackMaker(Case(), SIGNER).write(tmp_path / "pack.zip")
    assert verify.main([str(pack), "--key", f"{SIGNER.verifier} until=100"]) == 0
    assert verify.main([str(pack), "--key", f"{SIGNER.verifier} until=9"]) == 1
    assert "was retired after 9 entries" in capsys.readouterr().out
    assert verify.main([str(pack), "--key", f"{SIGNER.verifier} until=soon"]) == 2


def test_a_key_signs_for_its_own_log_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rehearsal of the product under the same key is not the log that the auditor knows."""
    maker = PackMaker(Case(), SIGNER)
    pack = maker.write(tmp_path / "pack.zip")
    files = contents(pack)
    files["log/checkpoint"] = SIGNER.checkpoint(maker.log.leaves, origin="rehearsal.example.net")
    status, said = judged(zipped(files, pack), capsys)
    assert (status, "not signed by any key that you trust" in said) == (1, True), said


def timed(leaves: list[bytes], unix_time: int) -> bytes:
    """A checkpoint whose key also says when, as C2SP's tlog-cosignature has it."""
    import base64
    import hashlib

    note = SIGNER.checkpoint(leaves).decode()
    text = note.split("\n\n")[0] + "\n"
    public = base64.b64decode(SIGNER.verifier.split("+", 2)[2])[1:]
    short = hashlib.sha256(SIGNER.name.encode() + b"\n\x04" + public).digest()[:4]
    signed = SIGNER.key.sign(f"cosignature/v1\ntime {unix_time}\n{text}".encode())
    line = base64.b64encode(short + unix_time.to_bytes(8, "big") + signed).decode()
    return f"{note}\u2014 {SIGNER.name} {line}\n".encode()


def test_the_signer_s_time_binds_the_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = PackMaker(Case(), SIGNER)
    pack = maker.write(tmp_path / "pack.zip")
    files, eleven = contents(pack), 1772362800
    for at, status, sentence in (
        (eleven, 0, "on 2026-03-01 11:00:00 UTC"),
        (eleven - 3600, 1, "after its tree head was signed"),
    ):
        files["log/checkpoint"] = timed(maker.log.leaves, at)
        found, said = judged(zipped(files, pack), capsys)
        assert (found, sentence in said) == (status, True), said
    files["log/checkpoint"] = timed(maker.log.leaves, eleven)[:-8] + b"AAAAAA=\n"
    assert judged(zipped(files, pack), capsys)[0] == 1


# ---- archives


def contents(pack: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def with_entry(pack: Path, name: str, *, data: bytes = b"x", **attributes: int) -> None:
    with zipfile.ZipFile(pack, "a") as archive:
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = name
        for attribute, value in attributes.items():
            setattr(entry, attribute, value)
        archive.writestr(entry, data)


def commented(pack: Path) -> None:
    with zipfile.ZipFile(pack, "a") as archive:
        archive.comment = b"PK\x05\x06" + bytes(18)


def renamed(pack: Path) -> None:
    """The data say one name, the list another: who unpacks from the beginning sees the first."""
    pack.write_bytes(pack.read_bytes().replace(b"README.txt", b"REALLY.txt", 1))


def bomb(pack: Path) -> None:
    with zipfile.ZipFile(pack, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("log/zeros", bytes(24 * 2**20))


TRAPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a way out of the folder": (lambda pack: with_entry(pack, "log/../../.bashrc"), "which no pack has"),
    "a path from the root": (lambda pack: with_entry(pack, "/etc/cron.d/x"), "which no pack has"),
    "a path of another system": (lambda pack: with_entry(pack, "log\\..\\x"), "which no pack has"),
    "a name that reads backwards": (lambda pack: with_entry(pack, "log/\u202efdp.exe"), "which no pack has"),
    "a name that looks like another": (lambda pack: with_entry(pack, "events\u200b.jsonl"), "which no pack has"),
    "a folder": (lambda pack: with_entry(pack, "log/"), "which no pack has"),
    "a link": (
        lambda pack: with_entry(pack, "log/keys2", external_attr=0o120777 << 16, data=b"/etc/passwd"),
        "is no plain file in the archive but a link",
    ),
    "two names that differ in their case": (lambda pack: with_entry(pack, "Manifest.JSON"), "would replace the other"),
    "a file of its own among the proofs": (lambda pack: with_entry(pack, "log/remark.txt"), "put there afterwards"),
    "something in front": (lambda pack: pack.write_bytes(b"#!/bin/sh\n" + pack.read_bytes()), "read in two ways"),
    "something behind": (lambda pack: pack.write_bytes(pack.read_bytes() + b"PK"), "can be read in two ways"),
    "a comment": (commented, "can be read in two ways"),
    "another archive in front": (
        lambda pack: pack.write_bytes(pack.read_bytes() + pack.read_bytes()), "can be read in two ways",
    ),
    "another name before the data": (renamed, "can be read in two ways"),
    "a bomb": (bomb, "it is a zip bomb"),
    "a way of packing that is none of ours": (
        lambda pack: with_entry(pack, "log/x", compress_type=zipfile.ZIP_LZMA), "packed in a way that no pack is",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_archives_that_are_traps(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trap, sentence = TRAPS[name]
    pack = PackMaker(Case(), SIGNER).write(tmp_path / "pack.zip")
    assert judged(pack, capsys)[0] == 0
    trap(pack)
    status, said = judged(pack, capsys)
    assert (status, sentence in said) == (1, True), said


def test_a_streamed_archive_is_read_like_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours are written to something that cannot go back, with the sizes behind the data and 64-bit fields."""
    from datetime import UTC, datetime

    from changes.services.evidence.archive import Archive

    class Pipe:
        def __init__(self) -> None:
            self.taken = io.BytesIO()

        def write(self, data: bytes, /) -> int:
            return self.taken.write(data)

        def flush(self) -> None: ...

    pack, pipe = PackMaker(Case(), SIGNER).write(tmp_path / "pack.zip"), Pipe()
    archive = Archive(pipe, datetime(2026, 3, 1, tzinfo=UTC))
    for name, data in contents(pack).items():
        archive.add(name, data)
    archive.close()
    written = pipe.taken.getvalue()
    pack.write_bytes(written)
    assert judged(pack, capsys)[0] == 0
    at = written.index(b"PK\x07\x08")
    crc = struct.unpack_from("<I", written, at + 4)[0]
    pack.write_bytes(written[: at + 4] + struct.pack("<I", crc ^ 1) + written[at + 8 :])
    status, said = judged(pack, capsys)
    assert (status, "can be read in two ways" in said) == (1, True), said


def test_damage_is_told_and_not_thrown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever byte is spoiled: a sentence and 1 or 2, or it is a byte that nothing depends on."""
    pack = PackMaker(Case(), SIGNER).write(tmp_path / "pack.zip")
    true = pack.read_bytes()
    for place in range(0, len(true), 211):
        pack.write_bytes(true[:place] + bytes([true[place] ^ 0x55]) + true[place + 1 :])
        status, said = judged(pack, capsys)
        assert "Nothing wrong was found" in said if status == 0 else ("WRONG: " in said or "CANNOT BE" in said), place


# ---- texts


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1.5}', b'{"a":NaN}', b'{"a":1,"a":2}', b'{"a":' + b"9" * 5000 + b"}", b"[" * 100_000, b'{"a":1e5}',
        '{"a":1}'.encode("utf-16"), b"\xef\xbb\xbf{}", b"{} {}", b'{"a":"\xff"}',
    ],
)  # fmt: skip
def test_json_that_programs_read_differently(data: bytes) -> None:
    with pytest.raises(verify.WrongError, match="read in one way only"):
        verify.parse(data, "It")


@pytest.mark.parametrize("value", [b"[]", b"0", b'""', b"{}"])
def test_json_that_would_fill_the_memory(value: bytes) -> None:
    with pytest.raises(verify.WrongError, match="more memory than it has text"):
        verify.parse(b"[" + b",".join([value] * (2**20)) + b"]", "It")


def test_large_manifests_are_read() -> None:
    """That of a change of a thousand devices has some ten thousand files."""
    files = [
        {"path": f"changes/CHG-00001/run-1/device-run-{number}/config-after.txt", "sha256": "a" * 64, "size": number}
        for number in range(10_000)
    ]
    assert verify.parse(canonical({"files": files}), "It") == {"files": files}


def test_a_name_writes_no_line_of_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "ana\r\x1b[2K\nNothing wrong was found.\n\u202e"
    case = Case(approvals=[(PETE, "peer", {}), ((3, evil), "cab", {"plan_digest": "0" * 64})])
    status, said = made(PackMaker(case, SIGNER), tmp_path, capsys)
    assert status == 1
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert not any(line.startswith("Nothing wrong") for line in said.splitlines())


def test_many_lines_where_few_belong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = PackMaker(Case(), SIGNER).write(tmp_path / "pack.zip")
    files = contents(pack)
    files["log/receipt.jsonl"] += b"{}\n"
    status, said = judged(zipped(files, pack), capsys)
    assert (status, "log/receipt.jsonl has more lines" in said) == (1, True), said


@pytest.mark.parametrize("change", [{"whole_log": 1}, {"scope": "all"}, {"scope": "whole"}, {"files": []}])
def test_manifests_that_do_not_say_what_they_are(
    change: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Odd(PackMaker):
        def manifest(self) -> bytes:
            return canonical({**json.loads(super().manifest()), **change})

    assert made(Odd(Case(), SIGNER), tmp_path, capsys)[0] == 1


PYTHONS = [path for path in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")) if path.exists()]


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_other_pythons_say_the_same(version: str, tmp_path: Path) -> None:
    found = [path for path in PYTHONS if path.parents[1].name.startswith(f"{version}.")]
    if not found:
        pytest.skip(f"NOT CHECKED: there is no Python {version} here, so nobody knows whether verify.py runs on it.")
    for status, case in ((0, Case()), (1, Case(approvals=[]))):
        pack = PackMaker(case, SIGNER).write(tmp_path / "pack.zip")
        command = [str(found[0]), "-I", "-S", verify.__file__, str(pack), "--key", SIGNER.verifier]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={})
        assert (done.returncode, done.stderr) == (status, ""), done.stdout


def test_nothing_in_it_is_younger_than_python_3_9() -> None:
    import ast

    ast.parse(Path(verify.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))
    assert root([]) == verify.GrowingTree().root()
