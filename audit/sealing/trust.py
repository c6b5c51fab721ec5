"""The public keys that the installation believes: a file that everybody may read and only operators write."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from audit.checkpoints import TrustedKey
from audit.errors import KeyFileError
from audit.notes import NoteError, Verifier
from audit.sealing.private_files import write_whole

_HEADER = "# Public keys of the audit log. A line that ends with until=N is trusted for the first N entries alone.\n"


def trusted_keys() -> tuple[TrustedKey, ...]:
    """The keys in the file that ``AUDIT_VERIFIERS`` names, read again when it changes; none where there is no file.

    Raises:
        KeyFileError: the file cannot be read.
    """
    path = Path(settings.AUDIT_VERIFIERS)
    try:
        status = path.stat()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}).") from None
    return _read(path, (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=8)
def _read(path: Path, _version: tuple[int, int, int]) -> tuple[TrustedKey, ...]:
    return read_trusted(path)


def read_trusted(path: Path) -> tuple[TrustedKey, ...]:
    """The keys in a file: a verifier key a line, perhaps with ``until=N``; ``#`` begins a comment.

    Raises:
        KeyFileError: the file cannot be read, or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no plain text"
        raise KeyFileError(f"{path} cannot be read ({reason}).") from None
    return tuple(_line(path, line) for line in lines if line.strip() and not line.startswith("#"))


def write_trusted(path: Path, keys: tuple[TrustedKey, ...]) -> None:
    """Replace the file; everybody may read it.

    Raises:
        KeyFileError: the folder cannot be written.
    """
    write_whole(path, _HEADER + "".join(f"{_text(key)}\n" for key in keys), mode=0o644)


def _text(key: TrustedKey) -> str:
    return str(key.verifier) if key.until is None else f"{key.verifier} until={key.until}"


def _line(path: Path, line: str) -> TrustedKey:
    text, _, until = line.strip().partition(" until=")
    if until and not until.isdecimal():
        raise KeyFileError(f"{path}: until={until} is no number of entries.")
    try:
        return TrustedKey(Verifier.parse(text), int(until) if until else None)
    except NoteError as error:
        raise KeyFileError(f"{path}: {error}") from None
