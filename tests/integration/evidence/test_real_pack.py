"""A change on real SSH devices becomes a pack, and ``verify.py`` judges that pack alone, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from audit.sealing.sealer import Sealer
from tests.integration.changes.conftest import Office, ends

pytestmark = pytest.mark.lab

VERIFIER = Path("changes/evidence/verify.py").resolve()


def verified(pack: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(pack), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=pack.parent,
        env={},
    )
    return done.returncode, done.stdout + done.stderr


def test_a_real_change_verifies_and_each_tamper_is_named(
    office: Office, background_sealer: Sealer, tmp_path: Path
) -> None:
    change = office.approved()
    run = office.executed(change)
    assert {state for state, _ in ends(run).values()} == {"succeeded"}
    pack = tmp_path / "pack.zip"

    call_command("evidence_pack", "--change", change.number, "--out", str(pack))

    status, said = verified(pack)
    assert status == 0, said
    assert "1 plans have the digests that were approved; 1 runs" in said
