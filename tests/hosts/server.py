"""A PostgreSQL that hosts reach over TCP with a password (SCRAM), from the same programs as the embedded one."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psycopg
from psycopg import sql

from portal.embedded_postgres import DATABASE, ROLE, Layout, binaries, cluster, postmaster

PORT: Final = 55432
HBA: Final = "host all all 198.18.0.0/15 scram-sha-256\n"


class Server:
    """The server; its data are gone when it is left."""

    def __init__(self, home: Path, addresses: list[str]) -> None:
        self._layout = Layout.of(home)
        self._addresses = addresses
        self._password = secrets.token_urlsafe(18)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        layout = self._layout
        layout.prepare()
        programs = binaries.programs(layout)
        cluster.create(layout, programs, durable=False)
        (layout.data / "pg_hba.conf").write_text(cluster.HBA + HBA)
        settings = {
            "listen_addresses": ",".join(self._addresses),
            "port": str(PORT),
            "unix_socket_directories": str(layout.socket_directory),
            "max_connections": "200",
            "fsync": "off",
        }
        as_user = {"user": layout.user.uid, "group": layout.user.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with layout.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(programs / "postgres"), "-D", str(layout.data), *(f"--{k}={v}" for k, v in settings.items())],
                cwd="/",
                env=cluster.clean_environment(),
                stdout=log,
                stderr=log,
                **as_user,  # type: ignore[call-overload]  # mypy cannot spread the three optional keywords
            )
        deadline = time.monotonic() + 60
        while not postmaster.is_ready(layout.data) and self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(postmaster.POLL_S)
        if not postmaster.is_ready(layout.data):
            raise RuntimeError(f"PostgreSQL did not start:\n{layout.log.read_text()[-2000:]}")
        with psycopg.connect(
            host=str(layout.socket_directory), port=PORT, user=ROLE, dbname=DATABASE, autocommit=True
        ) as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(self._password))
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)

    @property
    def local_url(self) -> str:
        """``DATABASE_URL`` for this process: the socket, on which the kernel vouches for who connects."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={self._layout.socket_directory}&port={PORT}"

    def url(self, address: str) -> str:
        """``DATABASE_URL`` for a host that reaches the server under this address."""
        return f"postgresql://{ROLE}:{self._password}@{address}:{PORT}/{DATABASE}"
