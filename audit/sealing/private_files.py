"""Files that only their owner may read, written whole or not at all."""

import os
import stat
from pathlib import Path

from audit.errors import KeyFileError


def read_private(path: Path) -> str:
    """The text of a file that only this process's user can read.

    Raises:
        KeyFileError: it is missing, others may read it, it belongs to another user, or it is no text.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
                raise KeyFileError(f"{path} can be read by others: make it its owner's alone with `chmod 600 {path}`.")
            if status.st_uid not in {os.geteuid(), 0}:
                raise KeyFileError(f"{path} belongs to another user: run as that user, or give the file to yours.")
            return file.read().decode("utf-8")
    except FileNotFoundError:
        raise KeyFileError(f"{path} does not exist: make a key with `manage.py audit_key make`.") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"{path} is not a file of keys: it is no plain text.") from None


def write_whole(path: Path, text: str, *, mode: int, replace: bool = True) -> bool:
    """Write a file so that it appears under its name complete and on disk; whether it was written.

    With ``replace=False`` a file that is there stays, and of several processes that try one wins.

    Raises:
        KeyFileError: the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.parent.chmod(0o700 if mode == 0o600 else 0o755)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.fchmod(descriptor, mode)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if not replace:
                path.hardlink_to(draft)
            else:
                draft.replace(path)
            _sync_folder(path.parent)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written ({error.strerror}): make the folder writable.") from None
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
