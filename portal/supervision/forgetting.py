import contextlib
import os
import shutil
from pathlib import Path

from portal.embedded_postgres import Layout
from portal.embedded_postgres.locks import open_lock, try_exclusive

# Only what the product makes; the folder may be one that holds other things.
OURS = (
    *("postgres", "lab", "log", "mail", "run", "ssh", "test", "sealer", "anchors"),
    *("audit_verifiers", "secret_key", "demo-password", "demo.lock", "openapi.yaml"),
)


class StillInUseError(Exception):
    """Something uses the data; the message says what to end."""


def forget(home: Path) -> str:
    """Remove everything that the installation has made, and say so.

    Raises:
        StillInUseError: a demo, a server or a worker uses it.
    """
    # The secret key alone says nothing: any command makes it, this one too.
    found = [name for name in OURS if (home / name).exists() and name != "secret_key"]
    layouts = [Layout.of(home), Layout.of(home / "test")]
    with contextlib.ExitStack() as held:
        for lock in (home / "demo.lock", *(path for layout in layouts for path in (layout.users_lock,))):
            if lock.parent.is_dir():
                descriptor = open_lock(lock)
                held.callback(os.close, descriptor)
                if not try_exclusive(descriptor):
                    raise StillInUseError(
                        f"Something still uses {home}: end the demo (Ctrl-C), web servers, workers and tests first."
                    )
        for layout in layouts:
            if layout.place != layout.locks:
                shutil.rmtree(layout.place, ignore_errors=True)
        for name in OURS:
            _remove(home / name)
    with contextlib.suppress(OSError):
        home.rmdir()
    return f"Forgot everything in {home}." if found else f"There is nothing to forget in {home}."


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
