"""The process that starts the server and stops it when nobody uses it any more.

It runs as ``python -m portal.embedded_postgres.guardian SPEC`` in a session of its own and imports nothing but
the standard library. A user that ends in good order stops the server itself; the guardian is there for those that
were killed. It also starts the server again when that was killed while it has users.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from portal.embedded_postgres import postmaster
from portal.embedded_postgres.cluster import clean_environment
from portal.embedded_postgres.guardian_spec import GuardianSpec
from portal.embedded_postgres.locks import exclusive, open_lock, try_exclusive

READY = b"ready"
START_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.25
START_AGAIN_S = 5.0
FOREVER_S = 10.0 * 365 * 24 * 3600
LOG_KEPT_BYTES = 10 * 1024 * 1024


def main(argument: str) -> int:
    """Fork the guardian off and report whether the server is ready; 0, or 1 with the reason on stderr."""
    spec = GuardianSpec.from_json(argument)
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            answer = pipe.read()
        if answer != READY:
            sys.stderr.buffer.write(answer or b"the guardian ended without a word")
        return 0 if answer == READY else 1
    os.close(reader)
    _detach(Path(spec.log))
    answer = _start(spec) if spec.start else READY
    os.write(writer, answer)
    os.close(writer)
    if answer == READY:
        _guard(spec)
    return 0


def _detach(log: Path) -> None:
    """Leave the caller's session, folder and standard streams."""
    os.setsid()
    os.chdir("/")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _start(spec: GuardianSpec) -> bytes:
    """Start the server and wait for it; ``READY``, or what went wrong. The caller holds the control lock."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    as_user = {"user": spec.uid, "group": spec.gid, "extra_groups": []} if os.geteuid() == 0 else {}
    server = subprocess.Popen(
        spec.command,
        cwd="/",
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        # Ctrl-C in the starter's terminal is not meant for the server, nor a kill of the guardian's group.
        start_new_session=True,
        **as_user,  # type: ignore[call-overload]  # mypy cannot spread the three optional keywords
    )
    data = Path(spec.data)
    deadline_polls = int(START_TIMEOUT_S / postmaster.POLL_S)
    for _ in range(deadline_polls):
        if postmaster.running_pid(data) == server.pid and postmaster.is_ready(data):
            # From here on the kernel buries the server; nobody waits for it.
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            return READY
        try:
            code = server.wait(postmaster.POLL_S)
        except subprocess.TimeoutExpired:
            continue
        return f"PostgreSQL ended with code {code} while starting".encode()
    server.kill()
    return f"PostgreSQL was not ready after {START_TIMEOUT_S:.0f} s".encode()


def _guard(spec: GuardianSpec) -> None:
    """Watch until nobody holds the users' lock, then stop the server, unless somebody came in between."""
    own = open_lock(Path(spec.guardian_lock))
    if not try_exclusive(own):
        return
    users = open_lock(Path(spec.users_lock))
    while _is_still_at(users, Path(spec.users_lock)):
        time.sleep(LOOK_EVERY_S)
        unused = try_exclusive(users)
        # Not held while waiting for the control lock: those who attach take that first and this second.
        fcntl.flock(users, fcntl.LOCK_UN)
        if not unused and postmaster.running_pid(Path(spec.data)) is not None:
            continue
        try:
            with exclusive(Path(spec.control_lock), timeout_s=FOREVER_S, make=False):
                if _stop_or_start(spec, users):
                    os.close(own)
                    return
        except FileNotFoundError:
            return


def _stop_or_start(spec: GuardianSpec, users: int) -> bool:
    """Stop an unused server and say so, or start a used one that was killed. The control lock is held."""
    if not _is_still_at(users, Path(spec.users_lock)):
        return True
    if try_exclusive(users):
        postmaster.stop(Path(spec.data))
        return True
    _start_again(spec)
    return False


def _start_again(spec: GuardianSpec) -> None:
    data = Path(spec.data)
    if postmaster.running_pid(data) is not None or not data.exists():
        return
    postmaster.remove_stale_files(data, Path(spec.socket_directory))
    if (answer := _start(spec)) != READY:
        sys.stderr.write(f"{answer.decode()}\n")
        sys.stderr.flush()
        time.sleep(START_AGAIN_S)


def _is_still_at(descriptor: int, path: Path) -> bool:
    """False when the folder was removed, and perhaps made anew by others whose server is not ours to stop."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
