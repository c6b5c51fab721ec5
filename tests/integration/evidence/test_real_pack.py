"""A change on real SSH devices becomes a pack, and ``verify.py`` judges that pack alone, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

from audit.checkpoints import TreeHead, sign_checkpoint
from audit.models import Event
from audit.models.sealing import Checkpoint
from audit.notes import Signer
from audit.sealing.keys import SealingKey
from audit.sealing.sealer import Sealer
from changes.evidence import verify
from tests.integration.changes.conftest import Office, ends
from tests.integration.evidence import tampering
from tests.integration.evidence.tampering import Files

pytestmark = pytest.mark.lab

VERIFIER = Path(verify.__file__).resolve()

TAMPERS: tuple[tuple[Callable[[Files], None], str], ...] = (
    (tampering.edit, "is not what was sealed"),
    (tampering.delete, "an event is missing in between"),
    (tampering.delete_without_proof, "an event was left out"),
    (tampering.insert, "it was put in"),
    (tampering.reorder, "does not stand in the order of the log"),
    (tampering.swap_plan, "a device was taken out, put in or exchanged"),
    (tampering.leave_plan_out, "a device was taken out, put in or exchanged"),
    (tampering.soften_demand, "the enclosed demand was altered"),
    (tampering.rewrite_transcript, "a file was exchanged together with the manifest"),
    (tampering.add_file, "a file was exchanged together with the manifest"),
)
OF_THE_WHOLE_LOG = (tampering.edit, tampering.delete, tampering.insert, tampering.reorder)


def verified(pack: Path, *arguments: str) -> tuple[int, str]:
    """What a machine with nothing installed says."""
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(pack), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=pack.parent,
        env={},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(180)
def test_a_real_change_verifies_and_each_tamper_is_named(
    office: Office,
    background_sealer: Sealer,
    sealing_key: SealingKey,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change = office.approved()
    run = office.executed(change)
    assert {state for state, _ in ends(run).values()} == {"succeeded"}
    held = Checkpoint.objects.order_by("tree_size").first()
    assert held is not None
    note = tmp_path / "held"
    note.write_text(held.note)
    key = str(sealing_key.verifiers[0])
    pack, whole = tmp_path / "pack.zip", tmp_path / "whole.zip"
    call_command("evidence_pack", "--change", change.number, "--held-size", str(held.tree_size), "--out", str(pack))
    call_command("evidence_pack", "--whole-log", "--out", str(whole))

    status, said = verified(pack, "--key", key, "--checkpoint", str(note))
    assert status == 0, said
    assert "1 plan has the digest that the log names" in said
    assert "1 run was started with the approvals that the policy asked for" in said
    assert "3 devices were given what was approved and nothing else" in said
    assert "is a beginning of the same log" in said
    status, said = verified(whole, "--key", key)
    assert status == 0, said
    assert "none is missing, none was changed" in said
    assert "3 devices were given what was approved" in said
    _what_is_in_it(pack, office)
    capsys.readouterr()

    def judged(path: Path, *arguments: str) -> tuple[int, str]:
        return verify.main([str(path), "--key", key, *arguments]), capsys.readouterr().out

    for tamper, sentence in TAMPERS:
        files = tampering.read(pack)
        tamper(files)
        assert judged(tampering.written(files, tmp_path / "spoiled.zip"))[0] == 1, tamper
        tampering.put_right(files)
        status, said = judged(tampering.written(files, tmp_path / "spoiled.zip"))
        assert (status, sentence in said) == (1, True), (tamper, said)
    for tamper in OF_THE_WHOLE_LOG:
        files = tampering.read(whole)
        tamper(files)
        tampering.put_right(files)
        status, said = judged(tampering.written(files, tmp_path / "spoiled.zip"))
        assert status == 1, (tamper, said)
    _heads(pack, whole, sealing_key, tmp_path, judged)


def _what_is_in_it(pack: Path, office: Office) -> None:
    with zipfile.ZipFile(pack) as archive:
        names = archive.namelist()
        texts = b"".join(archive.read(name) for name in names if name.endswith(".txt"))
    assert any("/transcript-" in name for name in names)
    assert sum(name.endswith(("config-before.txt", "config-after.txt")) for name in names) == 6
    assert "report.pdf" in names or "report.html" in names
    assert office.lab.password.encode() not in texts
    assert "log/consistency.jsonl" in names


def _heads(pack: Path, whole: Path, key: SealingKey, tmp_path: Path, judged: Callable[..., tuple[int, str]]) -> None:
    """Other keys, older and other histories, and an archive that was cut off."""
    head = TreeHead.parse(tampering.read(pack)["log/checkpoint"].decode().split("\n\n")[0] + "\n")
    stranger = Signer.make(head.origin)
    files = tampering.read(pack)
    files["log/checkpoint"] = sign_checkpoint(head, [stranger], unix_time=1).encode()
    status, said = judged(tampering.written(files, tmp_path / "resigned.zip"))
    assert (status, "not signed by any key that you trust" in said) == (1, True), said

    newer = tmp_path / "newer"
    newer.write_bytes(tampering.read(whole)["log/checkpoint"])
    status, said = judged(pack, "--checkpoint", str(newer))
    assert (status, "taken back to an older state" in said) == (1, True), said

    other = tmp_path / "other"
    other.write_text(sign_checkpoint(TreeHead(head.origin, head.size, bytes(32)), key.signers, unix_time=1))
    status, said = judged(pack, "--checkpoint", str(other))
    assert (status, "two different histories were signed" in said) == (1, True), said

    cut = tmp_path / "cut.zip"
    cut.write_bytes(pack.read_bytes()[:-500])
    assert judged(cut)[0] == 2
    assert Event.objects.filter(action="evidence_pack.downloaded").count() == 2
