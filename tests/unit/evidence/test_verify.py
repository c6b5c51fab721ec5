"""What the offline verifier says about packs that are right, and about packs in which one thing was changed."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from changes.evidence import verify
from tests.unit.evidence.packs import (
    ANA,
    DIGEST,
    OLIVIA,
    ORIGIN,
    PETE,
    PLANS,
    TINA,
    Case,
    PackMaker,
    Signer,
    canonical,
    consistency,
    demand,
    device_plan,
    leaf,
    path,
    root,
    sha256,
)

SIGNER = Signer()


def said_of(maker: PackMaker, folder: Path, *options: str, exits: int, capsys: pytest.CaptureFixture[str]) -> str:
    pack = maker.write(folder / "pack.zip")
    assert verify.main([str(pack), *options]) == exits
    return capsys.readouterr().out


@pytest.fixture
def maker() -> PackMaker:
    return PackMaker(Case(), SIGNER)


# ---- the parts


@given(key=st.binary(min_size=32, max_size=32), message=st.binary(max_size=100), spoiled=st.integers(0, 511))
def test_a_signature_holds_until_a_bit_of_it_changes(key: bytes, message: bytes, spoiled: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(key)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = private.sign(message)
    assert verify.signature_holds(public, message, signature)
    wrong = bytearray(signature)
    wrong[spoiled // 8] ^= 1 << (spoiled % 8)
    assert not verify.signature_holds(public, message, bytes(wrong))
    assert not verify.signature_holds(public, message + b"x", signature)


def test_the_vectors_of_rfc_8032_hold() -> None:
    public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify.signature_holds(bytes.fromhex(public), b"\x72", bytes.fromhex(signature))


@pytest.mark.parametrize("cut", [0, 31, 63, 65])
def test_a_signature_of_another_length_does_not_hold(cut: int) -> None:
    assert not verify.signature_holds(bytes(32), b"", bytes(cut))


@given(size=st.integers(1, 70), place=st.integers(0, 69), old=st.integers(1, 70))
def test_proofs_lead_to_the_root_and_nowhere_else(size: int, place: int, old: int) -> None:
    leaves = [leaf(str(number).encode()) for number in range(size)]
    place, old = place % size, (old - 1) % size + 1
    tree = verify.GrowingTree()
    for each in leaves:
        tree.add(each)
    assert tree.root() == root(leaves)
    proof = path(place, leaves)
    texts, inclusions = [step.hex() for step in proof], verify.Inclusions()
    assert inclusions.root(leaves[place], place, size, texts) == root(leaves)
    assert inclusions.root(leaf(b"other"), place, size, texts) != root(leaves)
    assert inclusions.root(leaves[place], place, size, [*texts, "00" * 32]) is None
    between = consistency(old, leaves)
    assert verify.is_consistent(old, root(leaves[:old]), size, root(leaves), between)
    assert not verify.is_consistent(old, root([*leaves[: old - 1], leaf(b"other")]), size, root(leaves), between)
    assert not verify.is_consistent(old, root(leaves[:old]), size, root(leaves), [*between, bytes(32)])


@given(st.data())
def test_a_proof_after_others_leads_where_it_leads_alone(data: st.DataObject) -> None:
    """What was hashed for the proof before is taken for nothing but the same path."""
    size = data.draw(st.integers(1, 70))
    leaves = [leaf(str(number).encode()) for number in range(size)]
    inclusions = verify.Inclusions()
    for place in data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=12)):
        proof = [step.hex() for step in path(place, leaves)]
        assert inclusions.root(leaves[place], place, size, proof) == root(leaves)
        if proof:
            at = data.draw(st.integers(0, len(proof) - 1))
            wrong = [*proof[:at], leaf(b"other").hex(), *proof[at + 1 :]]
            fresh = verify.Inclusions().root(leaves[place], place, size, wrong)
            assert inclusions.root(leaves[place], place, size, wrong) == fresh != root(leaves)
            assert inclusions.root(leaves[place], place, size, [*proof, proof[-1]]) is None
            assert inclusions.root(leaves[place], place, size, proof[:-1]) != root(leaves)


@pytest.mark.parametrize("part", ["00", "00" * 33, "g" * 64, None, 7])
def test_a_proof_of_something_else_than_hashes_is_not_followed(part: Any) -> None:  # noqa: ANN401 - of any kind
    with pytest.raises((TypeError, ValueError)):
        verify.Inclusions().root(bytes(32), 0, 2, [part])


@pytest.mark.parametrize("name", ["redactable", "\\u0072edactable", "re\\u0064actable"])
def test_a_commitment_is_found_however_its_name_is_written(name: str) -> None:
    sealed = f"hmac-sha256:{'0' * 64}"
    said = f'[{{"{name}":"{sealed}"}}]'
    body = f'{{"action":"a","actor":{{"id":1}},"object":{{"type":"t","id":"1"}},"state":{{}},"x":{said}}}'
    event = verify.read_event(f'{{"id":1,"at":"2026-01-01T00:00:00Z","body":{body}}}'.encode(), 1)
    texts = verify.Texts(iter(()))
    texts.take(event)
    assert texts.lacking == 1
    assert dict(verify.committed(event.body)) == {"/x/0": sealed}


def test_an_account_that_takes_anothers_name_is_the_same_person() -> None:
    people = verify.People()
    for account, name in ((1, "olivia"), (2, "Bo"), (1, "BO"), (3, "bo"), (1, "olivia")):
        people.take(verify.Event(1, "", {"actor": {"id": account, "name": name}, "object": {}, "action": "x"}, False))
    assert [people.one(account) for account in (1, 2, 3)] == [1, 2, 2]


# ---- whole packs


@pytest.mark.parametrize("whole_log", [False, True])
def test_a_true_pack_is_told_in_words(whole_log: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = PackMaker(Case(), SIGNER, whole_log=whole_log)
    said = said_of(maker, tmp_path, "--key", SIGNER.verifier, exits=0, capsys=capsys)
    assert ("are the first 16 entries of the log: none is missing" in said) is whole_log
    assert "signed by example.net/countersign" in said
    assert "1 run was started with the approvals that the policy asked for" in said
    assert "2 devices were given what was approved and nothing else" in said
    assert said.endswith("Nothing wrong was found.\n")


def test_it_runs_alone_where_nothing_is_installed(maker: PackMaker, tmp_path: Path) -> None:
    alone = shutil.copy(verify.__file__, tmp_path / "verify.py")
    pack = maker.write(tmp_path / "pack.zip")
    command = [sys.executable, "-I", "-S", str(alone), str(pack)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env={})
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "ATTENTION: the key example.net/countersign was taken from the pack itself" in finished.stdout


# ---- the log


def _edit(maker: PackMaker) -> None:
    maker.events[5] = maker.events[5].replace(b'"cab"', b'"cap"').replace(b"approved", b"applauded")


def _delete(maker: PackMaker) -> None:
    del maker.events[4], maker.numbers[4]


def _delete_without_its_proof(maker: PackMaker) -> None:
    del maker.events[-1]


def _insert(maker: PackMaker) -> None:
    maker.events.append(maker.events[-1])


def _reorder(maker: PackMaker) -> None:
    maker.events[1], maker.events[2] = maker.events[2], maker.events[1]


def _reorder_with_proofs(maker: PackMaker) -> None:
    _reorder(maker)
    maker.numbers[1], maker.numbers[2] = maker.numbers[2], maker.numbers[1]


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (_edit, "is not what was sealed: with its text the proof does not lead to the signed tree head"),
        (_delete, "an event is missing in between"),
        (_delete_without_its_proof, "an event was left out"),
        (_insert, "There is no proof for event 16"),
        (_reorder, "was moved"),
        (_reorder_with_proofs, "does not stand in the order of the log"),
    ],
)
def test_events_that_were_tampered_with(
    tamper: object, sentence: str, maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(maker)  # type: ignore[operator]
    assert sentence in said_of(maker, tmp_path, exits=1, capsys=capsys)


@pytest.mark.parametrize("tamper", [_edit, _delete, _insert, _reorder])
def test_the_whole_log_admits_no_change(tamper: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = PackMaker(Case(), SIGNER, whole_log=True)
    tamper(maker)  # type: ignore[operator]
    assert said_of(maker, tmp_path, exits=1, capsys=capsys).splitlines()[-1].startswith("WRONG: ")


def test_a_log_signed_with_another_key(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = said_of(maker, tmp_path, "--key", Signer().verifier, exits=1, capsys=capsys)
    assert "is not signed by any key that you trust" in said


def test_a_tree_head_that_was_altered(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = maker.write(tmp_path / "pack.zip")
    with verify.Pack(pack) as opened:
        note = opened.whole("log/checkpoint")
    keys = [verify.read_key(SIGNER.verifier)]
    assert verify.read_checkpoint(note, keys, "It").size == 17
    with pytest.raises(verify.WrongError, match="its signature is not that key's"):
        verify.read_checkpoint(note.replace(b"\n17\n", b"\n18\n"), keys, "It")


def test_a_log_that_was_taken_back(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    longer = [*maker.log.leaves, *(leaf(bytes([number])) for number in range(9))]
    held = tmp_path / "held"
    held.write_bytes(SIGNER.checkpoint(longer))
    said = said_of(maker, tmp_path, "--checkpoint", str(held), exits=1, capsys=capsys)
    assert "the log was taken back to an older state" in said


def test_two_histories(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = tmp_path / "held"
    held.write_bytes(SIGNER.checkpoint([leaf(b"another"), *maker.log.leaves[1:4]]))
    said = said_of(maker, tmp_path, "--checkpoint", str(held), exits=1, capsys=capsys)
    assert "two different histories were signed" in said


def test_a_tree_head_that_an_auditor_held(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = tmp_path / "held"
    held.write_bytes(SIGNER.checkpoint(maker.log.leaves[:4]))
    said = said_of(maker, tmp_path, "--checkpoint", str(held), exits=0, capsys=capsys)
    assert f"The tree head that you hold in {held} is a beginning of the same log." in said


def test_an_event_of_the_future(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker.made_at = "2026-03-01T09:00:00.000000Z"
    assert "which is later than the pack itself" in said_of(maker, tmp_path, exits=1, capsys=capsys)


# ---- the archive


def test_a_file_that_was_put_in(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker.late["changes/CHG-00001/note.txt"] = b"All went well."
    assert "it was put there afterwards" in said_of(maker, tmp_path, exits=1, capsys=capsys)


def test_a_file_that_was_exchanged(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker.manifest_said = maker.manifest()
    maker.files["README.txt"] = b"Do not read verify.py.\n"
    assert "a file was exchanged together with the manifest" in said_of(maker, tmp_path, exits=1, capsys=capsys)


def test_an_archive_that_was_cut_off(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = maker.write(tmp_path / "pack.zip")
    pack.write_bytes(pack.read_bytes()[:-100])
    assert verify.main([str(pack)]) == 2
    assert "is no complete zip archive" in capsys.readouterr().out
    assert verify.main([str(tmp_path / "another.zip")]) == 2
    assert f"There is no file {tmp_path / 'another.zip'}." in capsys.readouterr().out


# ---- plans and approvals


def test_a_device_plan_that_was_swapped(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker.files["changes/CHG-00001/revision-1/devices/1.json"] = device_plan("fra-01").replace(
        b"hostname", b"no hostname"
    )
    assert "The plan for fra-01 in revision 1 of CHG-00001 is not the one that was approved" in said_of(
        maker, tmp_path, exits=1, capsys=capsys
    )


def test_a_device_plan_that_was_left_out(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del maker.changes["1"]["revisions"][0]["devices"][1]
    assert "a device was taken out, put in or exchanged" in said_of(maker, tmp_path, exits=1, capsys=capsys)


CASES = {
    "no approval of the CAB": (
        Case(approvals=[(PETE, "peer", {})]),
        "with 0 of 1 approvals in the stage CAB",
    ),
    "the author approved": (
        Case(approvals=[(PETE, "peer", {}), (OLIVIA, "cab", {})], starter=TINA),
        "is by somebody with a hand in the change",
    ),
    "the author approved for somebody absent": (
        Case(approvals=[(PETE, "peer", {}), (ANA, "cab", {"on_behalf_of_id": 1})], starter=TINA),
        "is by somebody with a hand in the change",
    ),
    "who wrote the template approved": (
        Case(approvals=[(PETE, "peer", {}), (TINA, "cab", {})], template_editor=TINA),
        "is by somebody with a hand in the change",
    ),
    "one person in two stages": (
        Case(approvals=[(PETE, "peer", {}), (PETE, "cab", {})]),
        "is by somebody who counts already",
    ),
    "an approval of another plan": (
        Case(approvals=[(PETE, "peer", {}), (ANA, "cab", {"plan_digest": "0" * 64})]),
        "is of another plan",
    ),
    "an expired approval": (
        Case(approvals=[(PETE, "peer", {}), (ANA, "cab", {"given_at": "2026-02-28T09:00:00.000000Z"})]),
        "had expired",
    ),
    "the approver carried it out": (Case(starter=ANA), "carried out the plan that they had approved themselves"),
    "the author carried it out, against the policy": (
        Case(demand=demand(duties=[{"duty": "implementer_apart"}])),
        "the policy asked that somebody else carries CHG-00001 out",
    ),
    "nobody was asked": (Case(demand=demand(stages=[])), "names no approval"),
    "another plan was run": (Case(ran="0" * 64), "which by the log was never made"),
    "another device plan was run": (
        Case(device_digests=[sha256(PLANS[0]), "1" * 64]),
        "which is not in the plan that was approved",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_ran_was_not_approved(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, sentence = CASES[name]
    assert sentence in said_of(PackMaker(case, SIGNER), tmp_path, exits=1, capsys=capsys)


def test_who_reviewed_the_template_may_approve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = Case(template_editor=TINA, template_reviewer=ANA)
    assert "1 run was started" in said_of(PackMaker(case, SIGNER), tmp_path, exits=0, capsys=capsys)


def test_a_demand_that_was_softened(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker.files["changes/CHG-00001/revision-1/demand.json"] = canonical(demand(stages=[], pre_approved=True))
    assert "the enclosed demand was altered" in said_of(maker, tmp_path, exits=1, capsys=capsys)


def test_a_pack_of_nonsense(tmp_path: Path, maker: PackMaker, capsys: pytest.CaptureFixture[str]) -> None:
    maker.changes["1"] = 7
    assert "the pack does not have the form of its kind" in said_of(maker, tmp_path, exits=1, capsys=capsys)


def test_the_digest_of_the_case_is_that_of_the_specification() -> None:
    hashed = [hashlib.sha256(b"\0" + hashlib.sha256(plan).digest()).digest() for plan in PLANS]
    assert hashlib.sha256(b"\1" + b"".join(hashed)).hexdigest() == DIGEST
    assert ORIGIN in SIGNER.verifier
