"""The product as its users start it: ``manage.py demo``, with a folder and a port of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portal.environment import BASE_DIR
from tests.migrated_home import database_copied_to

READY_WITHIN_S: Final = 120
ENDED_WITHIN_S: Final = 40
GREETING: Final = re.compile(
    r"Countersign is ready after \d+ s:  (?P<address>http://\S+)\n.*Sign in with the password  (?P<password>\S+)  as\n"
    r".*Ctrl-C ends everything",
    re.DOTALL,
)


@dataclass(frozen=True)
class Product:
    """A running demo, by what it printed."""

    home: Path
    address: str
    password: str

    def slow_down(self, device: str, seconds: float) -> None:
        """Let one simulated device think before each answer, so that what happens can be watched."""
        faults = self.home / "lab" / "faults.yaml"
        faults.write_text(f"{faults.read_text()}{device}:\n  latency_s: {seconds}\n")

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ``manage.py`` on the demo's installation, as its operator."""
        command = [sys.executable, str(BASE_DIR / "manage.py"), *words]
        return subprocess.run(command, env=_environment(self.home), capture_output=True, text=True, check=False)


@contextmanager
def running_product() -> Iterator[Product]:
    """Start the demo, and end it as a person would; it has to end well, and to leave no process behind."""
    # The path of PostgreSQL's socket may have 107 bytes, and an unprivileged server has to reach it.
    base = Path(tempfile.mkdtemp(prefix="cs-", dir="/tmp"))
    base.chmod(0o755)
    home, output = base / "var", base / "output"
    database_copied_to(home)
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(BASE_DIR / "manage.py"), "demo", "--no-browser", "--port", str(_free_port())],
            env=_environment(home),
            stdout=file,
            stderr=file,
            cwd="/",
        )
    try:
        greeting = _greeting(process, output)
        yield Product(home, greeting["address"], greeting["password"])
        process.send_signal(signal.SIGINT)
        assert process.wait(ENDED_WITHIN_S) == 0, output.read_text()
        left = _processes_of(home)
        assert left == [], f"still running after the demo: {left}"
    finally:
        for pid in [*([process.pid] if process.poll() is None else []), *_processes_of(home)]:
            os.kill(pid, signal.SIGKILL)
        process.wait(ENDED_WITHIN_S)
        shutil.rmtree(base)


def _greeting(process: subprocess.Popen[bytes], output: Path) -> re.Match[str]:
    deadline = time.monotonic() + READY_WITHIN_S
    while not (found := GREETING.search(output.read_text())):
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(home: Path) -> dict[str, str]:
    """This process's environment without what belongs to the test session: the demo has a database of its own."""
    others = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "DISPLAY"}
    kept = {name: value for name, value in os.environ.items() if name not in others}
    return {
        **{name: value for name, value in kept.items() if not name.startswith("COUNTERSIGN_")},
        "COUNTERSIGN_HOME": str(home),
    }


def _processes_of(home: Path) -> list[int]:
    """All living processes that were started for this folder."""
    needle = f"COUNTERSIGN_HOME={home}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and needle in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
    return found
