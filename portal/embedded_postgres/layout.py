"""Where the server's files live, and as whom it runs. Nothing here changes the file system but ``prepare``."""

import contextlib
import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

DATABASE = "countersign"
ROLE = "countersign"
PORT = 5432

# sockaddr_un holds 108 bytes with the closing NUL (unix(7)); some margin for tools that count differently.
SOCKET_PATH_MAX_BYTES = 100
SHORT_SOCKET_ROOT = Path("/tmp")  # noqa: S108 - the directory made there is private and its owner is checked
UNREACHABLE_HOME_ROOT = Path("/var/lib/countersign")
DIRECTORY_MODE = 0o711


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be used; the message says what to do next."""


@dataclass(frozen=True)
class ServerUser:
    """The operating system account that PostgreSQL runs as: never root, which PostgreSQL refuses."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of_uid(cls, uid: int) -> Self:
        """The account with this number.

        Raises:
            EmbeddedPostgresError: there is none.
        """
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise EmbeddedPostgresError(
                f"The user id {uid} has no name on this machine and PostgreSQL needs one: "
                "add it to /etc/passwd, or name a served PostgreSQL in DATABASE_URL."
            ) from None
        return cls(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)

    @classmethod
    def nobody(cls) -> Self:
        """The account without rights that every Linux has."""
        entry = pwd.getpwnam("nobody")
        return cls(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def is_reachable(path: Path, user: ServerUser) -> bool:
    """Whether ``user`` may traverse every existing directory down to ``path``, itself included."""
    for directory in (path, *path.parents):
        try:
            status = directory.stat()
        except FileNotFoundError:
            continue
        except PermissionError:
            return False
        if status.st_uid == user.uid:
            needed = stat.S_IXUSR
        elif status.st_gid == user.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


@dataclass(frozen=True)
class Layout:
    """The paths of one installation's server.

    ``locks`` is always under the installation's home. ``place`` holds the data and differs from it only
    when root keeps the installation where the server's unprivileged user cannot look (``/root/...``).
    """

    home: Path
    locks: Path
    place: Path
    user: ServerUser

    @classmethod
    def of(cls, home: Path) -> Self:
        """Derive the layout from the home; the same home gives the same answer in every process."""
        home = home.resolve()
        locks = home / "postgres"
        effective_uid = os.geteuid()
        if effective_uid != 0:
            return cls(home=home, locks=locks, place=locks, user=ServerUser.of_uid(effective_uid))
        elsewhere = UNREACHABLE_HOME_ROOT / cls._short_name(home)
        user = cls._owner_of_data(locks / "data") or ServerUser.nobody()
        if (locks / "data").exists() or (is_reachable(locks, user) and not (elsewhere / "data").exists()):
            return cls(home=home, locks=locks, place=locks, user=user)
        return cls(home=home, locks=locks, place=elsewhere, user=ServerUser.nobody())

    @staticmethod
    def _short_name(home: Path) -> str:
        return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]

    @staticmethod
    def _owner_of_data(data: Path) -> ServerUser | None:
        try:
            uid = data.stat().st_uid
        except OSError:
            return None
        return ServerUser.of_uid(uid) if uid else None

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.place / "data"

    @property
    def runtime(self) -> Path:
        """Where copies of the binaries go when the server's user cannot reach the originals."""
        return self.place / "runtime"

    @property
    def log(self) -> Path:
        """Where the server and its guardian write."""
        return self.place / "server.log"

    @property
    def control_lock(self) -> Path:
        """Held exclusively while the server is started or stopped."""
        return self.locks / "control.lock"

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the server."""
        return self.locks / "users.lock"

    @property
    def guardian_lock(self) -> Path:
        """Held exclusively by the guardian, for as long as it lives."""
        return self.locks / "guardian.lock"

    @property
    def socket_directory(self) -> Path:
        """Where the unix socket is: under the place, or in a short directory if that path cannot be used.

        It cannot when it is too long for the kernel, or holds a comma: to libpq that separates two hosts.
        """
        usual = self.place / "run"
        if len(os.fsencode(usual / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_MAX_BYTES and "," not in str(usual):
            return usual
        return SHORT_SOCKET_ROOT / f"countersign-{self.user.uid}-{self._short_name(self.home)}"

    def prepare(self) -> None:
        """Make the directories that this process may make, with the modes that the server's user needs.

        Raises:
            EmbeddedPostgresError: a folder cannot be made or written, or belongs to somebody else.
        """
        try:
            for directory in (self.home, self.locks, self.place):
                _make_directory(directory, DIRECTORY_MODE if os.geteuid() == 0 else 0o700)
            self._refuse_what_belongs_to_others()
            self._make_private(self.socket_directory)
        except FileExistsError as error:
            raise EmbeddedPostgresError(
                f"{error.filename} is a file where a folder is needed: move it away, or set COUNTERSIGN_HOME."
            ) from None
        except OSError as error:
            raise EmbeddedPostgresError(
                f"Cannot write to {error.filename or self.locks} ({error.strerror}): "
                "make the folder writable, or set COUNTERSIGN_HOME to one that is."
            ) from None

    def _refuse_what_belongs_to_others(self) -> None:
        if not os.access(self.locks, os.W_OK | os.X_OK):
            raise EmbeddedPostgresError(
                f"Cannot write to {self.locks}, which belongs to {_owner_name(self.locks)}: "
                "run as that user, make the folder writable, or set COUNTERSIGN_HOME to another."
            )

    def _make_private(self, directory: Path) -> None:
        """Make a directory that only the server's user can enter, and refuse one that somebody prepared."""
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {self.user.uid, os.geteuid()}:
            raise EmbeddedPostgresError(
                f"{directory} belongs to somebody else: remove it, or set COUNTERSIGN_HOME to a shorter path."
            )
        self.give_to_server(directory)
        directory.chmod(0o700)

    def remove_short_socket_directory(self) -> None:
        """Leave nothing behind outside the installation, once the server is stopped."""
        if self.place not in self.socket_directory.parents:
            with contextlib.suppress(OSError):
                self.socket_directory.rmdir()

    def give_to_server(self, path: Path) -> None:
        """Hand a path that root made to the server's user; nothing for an ordinary user."""
        if os.geteuid() == 0:
            os.chown(path, self.user.uid, self.user.gid)


def _make_directory(directory: Path, mode: int) -> None:
    if directory.is_dir():
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(exist_ok=True)
    directory.chmod(mode)


def _owner_name(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return str(path.stat().st_uid)
