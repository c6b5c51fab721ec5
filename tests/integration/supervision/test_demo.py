import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.embedded_postgres import Layout, postmaster
from portal.environment import BASE_DIR
from tests.integration.supervision.conftest import is_running, rows_of, wait_for
from tests.migrated_home import database_copied_to

pytestmark = pytest.mark.workers

READY_S = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def home() -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="cs-demo-", dir="/tmp"))
    base.chmod(0o755)
    yield base / "var"
    for pid in processes_of(base / "var"):
        os.kill(pid, signal.SIGKILL)
    data = Layout.of(base / "var").data
    wait_for(lambda: postmaster.running_pid(data) is None, "the end of the database", seconds=10)
    shutil.rmtree(base)


@pytest.fixture
def migrated_home(home: Path) -> Path:
    database_copied_to(home)
    return home


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_TEST")}
    for name in ("DATABASE_URL", "DISPLAY", "DJANGO_SETTINGS_MODULE"):
        kept.pop(name, None)
    return {
        **kept,
        "COUNTERSIGN_HOME": str(home),
        "COUNTERSIGN_WORKERS": "1",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }


def processes_of(home: Path) -> list[int]:
    """All living processes that were started for this home."""
    needle = f"COUNTERSIGN_HOME={home}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if needle in (entry / "environ").read_bytes() and is_running(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def manage(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class RunningDemo:
    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.output = home.parent / "output"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), "demo", "--no-browser", "--port", str(port)],
                env=environment(home),
                stdout=output,
                stderr=output,
                cwd="/",
            )

    def wait_until_ready(self) -> None:
        def look() -> bool:
            assert self.process.poll() is None, self.output.read_text()
            return "Ctrl-C ends everything" in self.output.read_text()

        wait_for(look, "the demo", seconds=READY_S, log=self.output)

    def status_of(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def master(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        (web,) = (int(pid) for pid in children if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes())
        return web

    def answers(self) -> bool:
        try:
            return self.status_of("/healthz") == 200
        except OSError:
            return False


@pytest.mark.timeout(400)
def test_life_of_a_demo(home: Path) -> None:
    port = free_port()
    demo = RunningDemo(home, port)
    demo.wait_until_ready()
    text = demo.output.read_text()
    assert f"http://127.0.0.1:{port}" in text
    assert (home / "demo-password").read_text().strip() in text
    assert demo.status_of("/readyz") == 200

    second = manage(home, "demo", "--no-browser", "--port", str(free_port()))
    assert (second.returncode, second.stderr.count("already runs")) == (1, 1), second.stderr
    busy = manage(home.parent / "other", "demo", "--no-browser", "--port", str(port))
    assert busy.returncode == 1
    assert f"Port {port} is in use" in busy.stderr
    assert "make demo PORT=" in busy.stderr
    assert not (home.parent / "other" / "postgres").exists(), "the port is looked at before anything slow"
    reset = manage(home, "demo_reset")
    assert reset.returncode == 1
    assert "still uses" in reset.stderr

    web = demo.master()
    os.kill(web, signal.SIGKILL)
    wait_for(lambda: "web was killed by SIGKILL: starting it again" in demo.output.read_text(), "the report")
    wait_for(demo.answers, "the web server's return", seconds=60, log=demo.output)

    states = "SELECT string_agg(state, ' ' ORDER BY id) FROM changes_changerequest"
    seeded = "draft closed rejected authorization assessment scheduled"
    wait_for(lambda: rows_of(home, states) == [(seeded,)], "changes in several states", seconds=60, log=demo.output)
    family = processes_of(home)
    assert len(family) >= 8
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 0
    assert not processes_of(home)
    assert postmaster.running_pid(Layout.of(home).data) is None
    assert "Your data is kept" in demo.output.read_text()
    password = (home / "demo-password").read_text()
    first_port = (home / "lab" / "first-port").read_text()

    again = RunningDemo(home, port)
    again.output.write_text("")
    again.wait_until_ready()
    assert (home / "demo-password").read_text() == password
    assert (home / "lab" / "first-port").read_text() == first_port
    again.process.kill()
    again.process.wait(10)
    wait_for(lambda: not processes_of(home), "the end of everything after a kill", seconds=30)
    data = Layout.of(home).data
    wait_for(lambda: postmaster.running_pid(data) is None, "the end of the database", seconds=10)

    reset = manage(home, "demo_reset")
    assert reset.returncode == 0, reset.stderr
    assert "Forgot everything" in reset.stdout
    assert not home.exists()
    assert "nothing to forget" in manage(home, "demo_reset").stdout


def test_interrupt_while_starting_ends_everything(migrated_home: Path) -> None:
    demo = RunningDemo(migrated_home, free_port())
    wait_for(lambda: "simulated devices" in demo.output.read_text(), "the second step", seconds=60)
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(40) == 0
    assert not processes_of(migrated_home)
    assert postmaster.running_pid(Layout.of(migrated_home).data) is None
    assert "Traceback" not in demo.output.read_text()


@pytest.mark.parametrize(("port", "sentence"), [("0", "0 is no port"), ("70000", "70000 is no port")])
def test_port_that_is_none_is_a_sentence(home: Path, port: str, sentence: str) -> None:
    refused = manage(home, "demo", "--port", port)
    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_folder_that_is_a_file_is_a_sentence(home: Path) -> None:
    home.write_text("")
    refused = manage(home, "demo")
    assert refused.returncode == 1
    assert "which is a file" in refused.stderr
    assert "Traceback" not in refused.stderr
    home.unlink()


def test_part_that_dies_at_the_start_ends_the_demo_with_its_last_words(migrated_home: Path) -> None:
    (migrated_home / "lab").mkdir(parents=True)
    (migrated_home / "lab" / "credentials.yaml").write_text("- no credentials\n")
    refused = manage(migrated_home, "demo", "--no-browser", "--port", str(free_port()))
    assert refused.returncode == 1
    assert "lab ended with code 1" in refused.stderr
    assert "credentials.yaml holds no credential" in refused.stderr
    assert not processes_of(migrated_home)


def test_reset_keeps_what_is_not_ours(home: Path) -> None:
    (home / "lab").mkdir(parents=True)
    (home / "thesis.odt").write_text("precious")
    assert "Forgot everything" in manage(home, "demo_reset").stdout
    assert [path.name for path in home.iterdir()] == ["thesis.odt"]
