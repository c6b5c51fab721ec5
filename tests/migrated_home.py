"""A migrated database for installations that tests start apart: to migrate takes ten seconds of a core.

What happens from nothing is shown once, by the life of a demo in ``tests/integration/supervision``.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from portal.embedded_postgres import Layout
from portal.embedded_postgres.locks import exclusive
from portal.environment import BASE_DIR

MADE_WITHIN_S = 170
PREFIX = "migrated-"


def database_copied_to(home: Path) -> None:
    """Give a new installation's folder the data of an embedded server after ``migrate``; the first waits for that."""
    source, target = Layout.of(_prepared()), Layout.of(home)
    target.prepare()
    source.home.mkdir(parents=True, exist_ok=True)
    with exclusive(source.home / "lock", timeout_s=MADE_WITHIN_S):
        finished = source.home / "finished"
        if not finished.exists():
            _migrate(source.home)
            finished.touch()
    subprocess.run(["cp", "--archive", str(source.data), str(target.data)], check=True)


def prepared_data_forget() -> None:
    """Remove what this session had made, and what sessions left that were killed."""
    for home in settings.COUNTERSIGN_HOME.glob(f"{PREFIX}*"):
        session = home.name.removeprefix(PREFIX)
        if session == _session() or not Path("/proc", session).exists():
            shutil.rmtree(Layout.of(home).place, ignore_errors=True)
            shutil.rmtree(home, ignore_errors=True)


def _session() -> str:
    return os.environ["COUNTERSIGN_TEST_SESSION"]


def _prepared() -> Path:
    return Path(settings.COUNTERSIGN_HOME) / f"{PREFIX}{_session()}"


def _migrate(home: Path) -> None:
    """In a process of its own, with which the server ends."""
    others = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in others}
    subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "migrate", "--skip-checks", "--verbosity", "0"],
        env={
            **{name: value for name, value in kept.items() if not name.startswith("COUNTERSIGN_")},
            "COUNTERSIGN_HOME": str(home),
        },
        check=True,
        timeout=MADE_WITHIN_S,
    )
