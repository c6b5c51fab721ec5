"""``requirements/install.sh`` on machines that lack something."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from portal.environment import BASE_DIR


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(BASE_DIR / "requirements", tmp_path / "requirements")
    return tmp_path


def install(checkout: Path, kind: str = "base", **values: str) -> "subprocess.CompletedProcess[str]":
    """Run it where no package can be had from anywhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "PYTHON"))}
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
    nowhere |= {"UV_INDEX_URL": "http://127.0.0.1:9/", "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1", "PIP_RETRIES": "0"}
    return subprocess.run(
        [str(checkout / "requirements" / "install.sh"), kind],
        env={**kept, **nowhere, **values},
        capture_output=True,
        text=True,
        check=False,
    )


def interpreter(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_no_python(checkout: Path) -> None:
    finished = install(checkout, PYTHON="no-such-python")
    assert finished.returncode == 1
    assert finished.stderr.startswith("There is no no-such-python on this machine: install Python 3.11 or newer")


def test_old_python(checkout: Path) -> None:
    old = interpreter(checkout / "old", '[ "$1" = -c ] && exit 1; echo Python 3.9.2')
    finished = install(checkout, PYTHON=old)
    assert finished.returncode == 1
    assert "is Python 3.9.2; Countersign needs 3.11 or newer" in finished.stderr
    assert not (checkout / ".venv").exists()


def test_python_without_venv(checkout: Path) -> None:
    bare = interpreter(checkout / "bare", '[ "$1" = -m ] && exit 1; exit 0')
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not Path(part, "uv").exists())
    finished = install(checkout, PYTHON=bare, PATH=path)
    assert finished.returncode == 1
    assert "apt-get install python3-venv" in finished.stderr
    assert not (checkout / ".venv").exists()


def test_broken_environment_is_made_anew_and_without_a_network_the_next_try_goes_on(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    broken = interpreter(checkout / ".venv" / "bin" / "python", "exit 1")
    finished = install(checkout)
    assert "is broken or too old: making it anew" in finished.stdout
    assert subprocess.run([broken, "-c", ""], check=False).returncode == 0
    assert finished.returncode == 1
    assert "could not be installed" in finished.stderr
    assert "PIP_INDEX_URL" in finished.stderr
    assert not list((checkout / ".venv").glob("installed-*"))
    again = install(checkout)
    assert again.returncode == 1, "a half-made environment is not taken for a finished one"
    assert "making it anew" not in again.stdout


def test_link_in_place_of_the_environment_is_not_removed(checkout: Path) -> None:
    (checkout / "elsewhere").mkdir()
    (checkout / ".venv").symlink_to(checkout / "elsewhere")
    finished = install(checkout)
    assert finished.returncode == 1
    assert "move it away" in finished.stderr
    assert (checkout / ".venv").is_symlink()


@pytest.mark.parametrize("kind", ["base", "dev"])
def test_finished_environment_is_left_alone(checkout: Path, kind: str) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    interpreter(checkout / ".venv" / "bin" / "python", "exit 0")
    shell = "cat requirements/build.lock requirements/dev.lock | sha256sum | cut -c1-32 > .venv/installed-dev"
    subprocess.run(["sh", "-c", shell], check=True, cwd=checkout)
    finished = install(checkout, kind, PYTHON="no-such-python")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    (checkout / "requirements" / "dev.lock").write_text("changed==1\n")
    assert "Installing" in install(checkout, kind).stdout, "a changed lock file is noticed"
