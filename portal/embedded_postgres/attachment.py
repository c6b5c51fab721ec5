import atexit
import fcntl
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from portal.embedded_postgres import binaries, cluster, postmaster
from portal.embedded_postgres.guardian_spec import GuardianSpec
from portal.embedded_postgres.layout import PORT, EmbeddedPostgresError, Layout
from portal.embedded_postgres.locks import POLL_S, exclusive, is_held_by_anyone, open_lock, try_exclusive

CONTROL_TIMEOUT_S = 180.0
SOURCE_ROOT = Path(__file__).resolve().parents[2]

# Of each process; a forked child inherits both the entry and the descriptor, and so stays attached.
_attachments: dict[Path, "Attachment"] = {}


@dataclass
class Attachment:
    """A process's hold on the server: while it lives, the server is kept running."""

    layout: Layout
    _descriptor: int | None = field(repr=False)

    @property
    def socket_directory(self) -> Path:
        """The ``host`` of a connection."""
        return self.layout.socket_directory

    def release(self) -> None:
        """Give the hold up; the last one out stops the server. Safe to call twice and in forked children."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        _attachments.pop(self.layout.home, None)
        try:
            with exclusive(self.layout.control_lock, timeout_s=CONTROL_TIMEOUT_S):
                os.close(descriptor)
                _stop_if_unused(self.layout)
        except FileNotFoundError:
            os.close(descriptor)  # the folder was removed under us; the server ends by itself


def attach(home: Path, *, durable: bool = True) -> Attachment:
    """Make sure that the installation's server runs, and hold on to it until this process ends.

    Args:
        home: the installation's folder; its ``postgres`` subfolder is made when missing.
        durable: False turns off fsync, for data that nobody misses after a power cut (tests). It has
            an effect only for whoever starts the server.

    Raises:
        EmbeddedPostgresError: with a sentence for people.
    """
    layout = Layout.of(home)
    if layout.home in _attachments:
        return _attachments[layout.home]
    layout.prepare()
    try:
        with exclusive(layout.control_lock, timeout_s=CONTROL_TIMEOUT_S):
            _make_sure_it_runs(layout, durable=durable)
            descriptor = open_lock(layout.users_lock)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
    except TimeoutError:
        raise EmbeddedPostgresError(
            f"Another process has been starting or stopping PostgreSQL in {layout.place} for minutes: "
            f"see {layout.log}, end that process and try again."
        ) from None
    attachment = Attachment(layout=layout, _descriptor=descriptor)
    _attachments[layout.home] = attachment
    atexit.register(attachment.release)
    return attachment


def _make_sure_it_runs(layout: Layout, *, durable: bool) -> None:
    """Start the server, or take over one that already runs. The caller holds the control lock."""
    programs = binaries.programs(layout)
    command = _server_command(layout, programs, durable=durable)
    if postmaster.running_pid(layout.data) is not None:
        if postmaster.wait_until_ready(layout.data, timeout_s=CONTROL_TIMEOUT_S / 2):
            if not is_held_by_anyone(layout.guardian_lock):
                _run_guardian(layout, command, start=False)
            return
        postmaster.stop(layout.data)
    postmaster.remove_stale_files(layout.data, layout.socket_directory)
    if not layout.data.exists():
        cluster.create(layout, programs, durable=durable)
    _run_guardian(layout, command, start=True)


def _server_command(layout: Layout, programs: Path, *, durable: bool) -> list[str]:
    directories = str(layout.socket_directory).replace('"', '""')
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{directories}"',
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "max_connections": "400",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        # Statements that fail, and the rows in them, hold what people typed: no redaction would reach the log file.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    if not durable:
        # synchronous_commit stays on: what is committed must outlive a kill -9 of the server here too.
        settings |= {"fsync": "off", "full_page_writes": "off"}
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [str(programs / "postgres"), "-D", str(layout.data), *options]


def _run_guardian(layout: Layout, command: list[str], *, start: bool) -> None:
    spec = GuardianSpec(
        data=str(layout.data),
        socket_directory=str(layout.socket_directory),
        log=str(layout.log),
        control_lock=str(layout.control_lock),
        users_lock=str(layout.users_lock),
        guardian_lock=str(layout.guardian_lock),
        command=command,
        start=start,
        uid=layout.user.uid,
        gid=layout.user.gid,
    )
    finished = subprocess.run(
        [sys.executable, "-E", "-s", "-m", "portal.embedded_postgres.guardian", spec.to_json()],
        cwd=SOURCE_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise EmbeddedPostgresError(
            f"{finished.stderr.strip()}; its log is {layout.log}. "
            "Correct what the log says, or name a served PostgreSQL in DATABASE_URL."
        )


def _stop_if_unused(layout: Layout) -> None:
    """Stop the server unless somebody holds the users' lock. The caller holds the control lock."""
    users = open_lock(layout.users_lock)
    try:
        for _ in range(3):  # the guardian holds it for an instant whenever it looks
            if try_exclusive(users):
                postmaster.stop(layout.data)
                layout.remove_short_socket_directory()
                return
            time.sleep(POLL_S)
    finally:
        os.close(users)
