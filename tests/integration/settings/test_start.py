import os
import re
import subprocess
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import pytest

from audit.notes import Signer
from portal.environment import BASE_DIR

SERVED = "postgresql://nobody@127.0.0.1:1/none"


def manage(home: Path, *arguments: str, **values: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COUNTERSIGN_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        env={**kept, "COUNTERSIGN_HOME": str(home), **values},
        capture_output=True,
        text=True,
        check=False,
    )


def test_bad_setting_stops_the_start_with_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    finished = manage(tmp_path, "check", COUNTERSIGN_THREADS="0")
    assert finished.returncode == 1
    assert finished.stderr == (
        "Countersign cannot start: COUNTERSIGN_THREADS is '0': give a whole number from 1 to 64.\n"
    )


def test_web_server_process_stops_with_the_same_sentence(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COUNTERSIGN_", "DJANGO_"))}
    finished = subprocess.run(
        [sys.executable, "-c", "import portal.wsgi"],
        env={**kept, "COUNTERSIGN_HOME": str(tmp_path), "COUNTERSIGN_BROKER": "rabbit://x"},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith("Countersign cannot start: COUNTERSIGN_BROKER")
    assert "Traceback" not in finished.stderr


@pytest.fixture
def verifiers(tmp_path: Path) -> Iterator[Path]:
    """A file of public keys that this process may read and not write, as an operator installs it."""
    folder = tmp_path / "etc"
    folder.mkdir()
    path = folder / "audit_verifiers"
    path.write_text(f"{Signer.make('change.example.net/countersign').verifier}\n")
    path.chmod(0o400)
    folder.chmod(0o500)
    yield path
    folder.chmod(0o700)


def test_deployment_check_is_clean_over_https(tmp_path: Path, verifiers: Path) -> None:
    finished = manage(
        tmp_path,
        "check",
        "--deploy",
        COUNTERSIGN_URL="https://change.example.net",
        DATABASE_URL=SERVED,
        AUDIT_KEY_FILE="/nonexistent/key",
        AUDIT_VERIFIERS=str(verifiers),
        AUDIT_ANCHOR=f"file:{tmp_path.parent / 'elsewhere'}",
    )
    assert finished.returncode == 0, finished.stderr
    said = finished.stdout + finished.stderr
    root = {"audit.W003"} if os.geteuid() == 0 else set()  # who can read every key
    assert set(re.findall(r"\((\w+\.\w\d+)\)", said)) == {"audit.I001"} | root, said
    assert "(audit.I001) The database could not be asked" in said, "this one cannot be reached"


def test_database_url_replaces_the_embedded_server(tmp_path: Path) -> None:
    code = (
        "from django.conf import settings as s; d = s.DATABASES['default'];"
        "print(s.EMBEDDED_POSTGRES, d['HOST'], d['NAME'], d['CONN_MAX_AGE'], d['CONN_HEALTH_CHECKS'])"
    )
    finished = manage(tmp_path, "shell", "-v0", "-c", code, DATABASE_URL="postgresql://u:p%40@db.example:6432/change")
    assert finished.stdout.split() == ["False", "db.example", "change", "60", "True"], finished.stderr
    assert not (tmp_path / "postgres").exists()


def test_importing_the_settings_starts_nothing(tmp_path: Path) -> None:
    finished = manage(tmp_path, "version")
    assert finished.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("workers", [1, 3])
def test_prefetched_task_is_not_delivered_again_before_it_could_begin(tmp_path: Path, workers: int) -> None:
    code = "from django.conf import settings as s; q = s.Q_CLUSTER; print(*(q[n] for n in "
    code += "('retry', 'timeout', 'queue_limit', 'bulk', 'workers')))"
    finished = manage(tmp_path, "shell", "-v0", "-c", code, COUNTERSIGN_WORKERS=str(workers), DATABASE_URL=SERVED)
    retry, timeout, queue_limit, bulk, configured = map(int, finished.stdout.split())
    assert configured == workers
    assert retry > timeout * (1 + ceil((queue_limit + bulk) / workers))
