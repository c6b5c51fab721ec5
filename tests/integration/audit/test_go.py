"""Somebody else's programs read our log: Go's golang.org/x/mod/sumdb, which guards the checksums of all Go modules.

`tests/go/verify_log.go` shares no code with the product. requirements/go.sh installs what compiles it.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from audit.merkle import consistency_proof, inclusion_proof
from audit.models import Checkpoint, Tile
from audit.sealing.keys import SealingKey
from audit.sealing.storage import tile_loader
from audit.tiles import node_reader
from tests.integration.sealing_fixtures import Seal

GO = Path(__file__).parents[2] / "go"
COMPILERS = ("go", "gccgo", "gccgo-14", "gccgo-13", "gccgo-12")
MODULE = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (MODULE.is_dir() and any(map(shutil.which, COMPILERS))),
        reason="no compiler for Go, or no golang.org/x/mod: run requirements/go.sh",
    ),
]


@pytest.fixture(scope="module")
def verify_log(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """Run the program on the directory of a log."""
    program = tmp_path_factory.mktemp("go") / "verify_log"
    subprocess.run([GO / "build.sh", program], check=True, timeout=120)

    def verify_log(directory: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, directory], capture_output=True, text=True, check=False, timeout=60)

    return verify_log


@pytest.fixture
def log(
    seal: Seal, say: Callable[..., int], fill: Callable[..., None], sealing_key: SealingKey, tmp_path: Path
) -> Path:
    """A log of 703 entries under four checkpoints, sealed by the sealer, as files."""
    for count in (1, 255, 300, 146):
        fill(count)
        say(object_label='Größe ± 1, \u202e and \\ "quoted"') if count == 300 else None
        seal()
    written(tmp_path, sealing_key)
    return tmp_path


def written(directory: Path, key: SealingKey) -> None:
    heads = list(Checkpoint.objects.order_by("tree_size"))
    (directory / "keys").write_text("".join(f"{verifier}\n" for verifier in key.verifiers))
    for head in heads:
        (directory / f"{head.tree_size}.note").write_text(head.note)
    for tile in Tile.objects.all():
        place = directory / "tile" / str(tile.level) / str(tile.tile_index)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bytes(tile.hashes))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT audit_event_line(e.id, e.at, e.txid, e.db_user, e.body)"
            " FROM audit_leaf JOIN audit_event e ON e.id = event_id ORDER BY leaf_index"
        )
        (directory / "lines").write_text("".join(f"{line}\n" for (line,) in cursor.fetchall()))
        node = node_reader(tile_loader(cursor))
        sizes = [head.tree_size for head in heads]
        proofs = [
            (leaf, size, inclusion_proof(leaf, size, node))
            for size in sizes for leaf in {0, size // 2, size - 2, size - 1} if leaf >= 0
        ]  # fmt: skip
        pairs = [(old, new, consistency_proof(old, new, node)) for old in sizes for new in sizes if old <= new]
    (directory / "inclusion").write_text("".join(map(as_line, proofs)))
    (directory / "consistency").write_text("".join(map(as_line, pairs)))


def as_line(proof: tuple[int, int, list[bytes]]) -> str:
    first, second, hashes = proof
    return " ".join([str(first), str(second), *(base64.b64encode(found).decode() for found in hashes)]) + "\n"


def test_go_accepts_our_checkpoints_tiles_and_proofs(
    log: Path, verify_log: Callable[[Path], subprocess.CompletedProcess[str]]
) -> None:
    said = verify_log(log)
    assert (said.stderr, said.returncode) == ("", 0)
    assert said.stdout.startswith("checkpoints 4, leaves 703, tiles 4, ")
    assert said.stdout.endswith("inclusion proofs 13, consistency proofs 10\n")


def first_byte_changed(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def test_go_refuses_what_was_changed(log: Path, verify_log: Callable[[Path], subprocess.CompletedProcess[str]]) -> None:
    """It is no rubber stamp: each thing that it accepted is refused when it is another."""
    forgeries: dict[str, tuple[Callable[[Path], object], str]] = {
        "lines": (lambda path: path.write_text(path.read_text().replace('"n":1', '"n":2', 1)), "another tree"),
        "703.note": (lambda path: path.write_text(path.read_text().replace("703", "702", 1)), "703.note"),
        "tile/0/1": (first_byte_changed, "he tiles"),
        "keys": (lambda path: path.write_text(""), ".note"),
        "inclusion": (lambda path: path.write_text("3" + path.read_text()[1:]), "inclusion proof of leaf 3"),
        "consistency": (
            lambda path: path.write_text(path.read_text().replace("1 256", "2 256", 1)), "consistency proof"
        ),
    }  # fmt: skip
    for name, (change, words) in forgeries.items():
        path = log / name
        kept = path.read_bytes()
        change(path)
        said = verify_log(log)
        path.write_bytes(kept)
        assert said.returncode == 1, name
        assert words in said.stderr, name
    assert verify_log(log).returncode == 0
