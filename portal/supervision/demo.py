"""The demo: everything on one machine, and one process that starts it, watches it and ends it."""

import http.client
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import FrameType

from django.core.management import call_command

from portal.demo.people import DemoLogins
from portal.embedded_postgres.locks import open_lock, try_exclusive
from portal.environment import BASE_DIR
from portal.start import prepare
from portal.supervision.child import Child, describe_exit
from portal.supervision.lab_ports import LAB_DEVICES, choosing, first_lab_port

ADDRESS = "127.0.0.1"
LOOK_EVERY_S = 0.2
READY_WITHIN_S = 90.0
DRAIN_S = 10.0
RESTARTS = 3
ECHO_S = 1.0
HEALTHY_AFTER_S = 60.0


class DemoError(Exception):
    """The demo cannot start or go on; the message is for people."""


class Interrupted(BaseException):
    """Somebody asked the demo to end. Not an ``Exception``: nothing on the way may take it for an error."""


@dataclass(frozen=True)
class DemoOptions:
    """What the command line says."""

    port: int
    open_browser: bool
    exit_after_check: bool


class Demo:
    """Starts the lab, the sealer, the workers and the web server, and ends them together with itself."""

    def __init__(self, *, home: Path, options: DemoOptions, say: Callable[[str], None]) -> None:
        self._home = home
        self._options = options
        self._say = say
        self._url = f"http://{ADDRESS}:{options.port}"
        self._all = self._lab, self._sealer, self._worker, self._web = self._children()
        self._restarts: dict[str, int] = {}
        self._asked = False
        self._asked_at = 0.0
        self._at_once = False
        self._stopping = threading.Event()

    def run(self) -> int:
        """Run until a signal, or until the check is done.

        Returns:
            The exit code: 0, or that of the check.

        Raises:
            DemoError: it could not start, or a part died again and again.
        """
        check_port(self._options.port)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)
        try:
            with only_demo_of(self._home):
                return self._run()
        except Interrupted:
            return 0

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        """Ask once; a second signal means it, unless it is the echo of the first that ``make`` passes on."""
        if self._asked:
            self._at_once = time.monotonic() - self._asked_at > ECHO_S
            return
        self._asked, self._asked_at = True, time.monotonic()
        raise Interrupted

    def _run(self) -> int:
        began = time.monotonic()
        try:
            logins = self._start()
            self._greet(logins, took_s=time.monotonic() - began)
            if self._options.exit_after_check:
                from portal.demo.check import run_check

                return run_check(self._url, logins)
            from portal.demo.history import history_begin

            history_begin(self._stopping)
            self._watch()
            return 0
        finally:
            self._asked = True
            self._stop()

    def _children(self) -> tuple[Child, Child, Child, Child]:
        environment = child_environment(self._home, self._url)
        manage = [sys.executable, str(BASE_DIR / "manage.py")]
        lab_home = self._home / "lab"
        lab_options = [
            "--devices",
            str(LAB_DEVICES),
            "--home",
            str(lab_home),
            "--faults",
            str(lab_home / "faults.yaml"),
        ]
        web_options = ["--bind", f"{ADDRESS}:{self._options.port}", "--worker-class", "gthread", "--workers", "2"]
        web_options += ["--threads", "8", "--preload", "--graceful-timeout", "5", "--no-control-socket"]

        def child(name: str, command: list[str]) -> Child:
            return Child(name=name, command=command, environment=environment, log=self._home / "log" / f"{name}.log")

        return (
            child("lab", [*manage, "lab", *lab_options]),
            child("sealer", [*manage, "audit_sealer"]),
            child("worker", [sys.executable, "-m", "portal.supervision", "--drain-seconds", str(DRAIN_S)]),
            child("web", [sys.executable, "-m", "gunicorn", "portal.wsgi:application", *web_options]),
        )

    def _start(self) -> DemoLogins:
        lab_home = self._home / "lab"
        with choosing():
            self._lab.command = [*self._lab.command, "--port", str(first_lab_port(lab_home))]
            lab_log_starts_at = self._lab.log_size()
            self._lab.start()
            self._say("Preparing the database ...")
            prepare(attach_database=True)
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
            call_command("audit_key", "make", "--if-missing", stderr=StringIO(), stdout=StringIO())
            self._sealer.start()
            self._worker.start()
            self._web.start()
            self._say(f"Starting {LAB_DEVICES} simulated devices, the workers and the web server ...")
            self._wait_for(lambda: b"lab ready" in self._lab.log_since(lab_log_starts_at), "the simulated devices")
        from portal.demo.seed import seed_demo

        logins = seed_demo(lab_home)
        self._wait_for(lambda: is_ready(self._options.port), "the web server and the workers")
        return logins

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not condition():
            for child in self._all:
                if child.pid is not None and not child.is_running():
                    raise DemoError(self._obituary(child))
            if time.monotonic() > deadline:
                words = "\n".join(child.last_words(6) for child in self._all)
                raise DemoError(
                    f"Waited {READY_WITHIN_S:.0f} s in vain for {what}. Its parts said:\n{words}\n"
                    f"All logs are in {self._home / 'log'}."
                )
            time.sleep(LOOK_EVERY_S)

    def _obituary(self, child: Child) -> str:
        words = child.last_words()
        told = f" The last it said:\n{words}\n" if words else " "
        return f"{child.name} {describe_exit(child.exit_code())}.{told}Its log is {child.log}."

    def _watch(self) -> None:
        while True:
            for child in self._all:
                if not child.is_running():
                    self._start_again(child)
            time.sleep(LOOK_EVERY_S)

    def _start_again(self, child: Child) -> None:
        times = 1 if child.age_s > HEALTHY_AFTER_S else self._restarts.get(child.name, 0) + 1
        if times > RESTARTS:
            raise DemoError(self._obituary(child))
        self._restarts[child.name] = times
        self._say(f"{child.name} {describe_exit(child.exit_code())}: starting it again. Its log is {child.log}.")
        child.kill_all()
        time.sleep(1.0)
        child.start()

    def _greet(self, logins: DemoLogins, *, took_s: float) -> None:
        width = max(len(person.username) for person in logins.people)
        self._say("")
        self._say(f"Countersign is ready after {took_s:.0f} s:  {self._url}")
        self._say("")
        self._say(f"Sign in with the password  {logins.secret}  as")
        for person in logins.people:
            self._say(f"  {person.username:<{width}}  {person.task}")
        self._say("")
        if self._options.exit_after_check:
            return
        if self._options.open_browser and not open_browser(self._url):
            self._say("No browser was found to open it: copy the address into one on this machine.")
        self._say(f"Logs are in {self._home / 'log'}. Ctrl-C ends everything.")

    def _stop(self) -> None:
        """End the web server and the workers, then the lab that they may still talk to, and who seals what they did."""
        self._say("Stopping ...")
        self._stopping.set()
        for group, patience_s in (((self._web, self._worker), DRAIN_S + 5), ((self._lab, self._sealer), 5.0)):
            for child in group:
                child.ask_to_end()
            deadline = time.monotonic() + patience_s
            while any(child.is_running() for child in group) and time.monotonic() < deadline and not self._at_once:
                time.sleep(0.05)
            for child in group:
                child.kill_all()
        self._say(f"Stopped. Your data is kept in {self._home}: `make demo` finds it, `make demo-reset` forgets it.")


def child_environment(home: Path, url: str) -> Mapping[str, str]:
    """The environment of the demo's parts."""
    # E-mails of the demo are files to look at, unless a server is named.
    mail = {"MAIL_URL": os.environ.get("MAIL_URL") or f"file:{home / 'mail'}"}
    return {**os.environ, **mail, "COUNTERSIGN_HOME": str(home), "COUNTERSIGN_URL": url, "PYTHONUNBUFFERED": "1"}


def check_port(port: int) -> None:
    """Make sure that the web server will get its port.

    Raises:
        DemoError: it will not; the sentence says how to choose another.
    """
    other = f"choose another with `make demo PORT={port + 1 if 1024 <= port < 65535 else 8001}`."
    if not 1 <= port <= 65535:
        raise DemoError(f"{port} is no port: {other}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except PermissionError:
            raise DemoError(f"This user may not use port {port}: {other}") from None
        except OSError:
            raise DemoError(
                f"Port {port} is in use on this machine: end the program that uses it, or {other}"
            ) from None


@contextmanager
def only_demo_of(home: Path) -> Iterator[None]:
    """Hold the installation's demo lock.

    Raises:
        DemoError: another demo runs on the same data, or the folder cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = open_lock(home / "demo.lock")
    except OSError as error:
        raise DemoError(
            f"Cannot write to {home} ({error.strerror}): make it writable, or set COUNTERSIGN_HOME to another folder."
        ) from None
    try:
        if not try_exclusive(descriptor):
            raise DemoError(
                f"A demo already runs on {home}: end it with Ctrl-C there, or set COUNTERSIGN_HOME to another folder."
            )
        yield
    finally:
        os.close(descriptor)


def is_ready(port: int) -> bool:
    """Whether the web server says that the whole installation can work."""
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def open_browser(url: str) -> bool:
    """Open the person's browser, where there is a screen; a browser in the terminal would take the demo's place."""
    has_screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    return has_screen and webbrowser.open(url)
