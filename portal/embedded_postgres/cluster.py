"""Making a new data directory."""

import os
import shutil
import subprocess
from pathlib import Path

from portal.embedded_postgres.layout import DATABASE, ROLE, EmbeddedPostgresError, Layout

# Only the unix socket, and only for the server's own user and root: the kernel vouches for who connects.
HBA = "local all all peer map=owner\n"
INITDB_TIMEOUT_S = 120.0


def clean_environment() -> dict[str, str]:
    """The environment of PostgreSQL's programs: nothing of the caller's PG* variables and locale."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def create(layout: Layout, programs: Path, *, durable: bool) -> None:
    """Make the data directory with one empty database; cut short, it leaves nothing that would be used.

    Raises:
        EmbeddedPostgresError: PostgreSQL's own message, shortened to its last line.
    """
    unfinished = layout.place / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    layout.give_to_server(unfinished)
    _initdb(layout, programs, unfinished, durable=durable)
    (unfinished / "pg_hba.conf").write_text(HBA)
    owners = sorted({layout.user.name, "root"})
    (unfinished / "pg_ident.conf").write_text("".join(f'owner "{name}" all\n' for name in owners))
    _run(
        layout,
        [str(programs / "postgres"), "--single", "-D", str(unfinished), "postgres"],
        input_text=f"CREATE DATABASE {DATABASE}\n",
    )
    unfinished.rename(layout.data)


def _initdb(layout: Layout, programs: Path, directory: Path, *, durable: bool) -> None:
    command = [
        *(str(programs / "initdb"), "-D", str(directory), "-U", ROLE),
        *("--auth-local=peer", "--auth-host=reject", "--encoding=UTF8"),
        # The collation that is built into PostgreSQL sorts the same on every machine.
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    ]
    _run(layout, command if durable else [*command, "--no-sync"])


def _run(layout: Layout, command: list[str], *, input_text: str = "") -> None:
    as_user = {"user": layout.user.uid, "group": layout.user.gid, "extra_groups": []} if os.geteuid() == 0 else {}
    finished = subprocess.run(
        command,
        input=input_text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=clean_environment(),
        timeout=INITDB_TIMEOUT_S,
        **as_user,  # type: ignore[call-overload]  # mypy cannot spread the three optional keywords
    )
    if finished.returncode:
        lines = (finished.stderr or finished.stdout).strip().splitlines() or ["no message"]
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL could not be made in {layout.place}: {lines[-1]} "
            "Make room or set COUNTERSIGN_HOME to another folder."
        )
