"""The private keys of the log. Only the sealer and ``manage.py audit_key`` import this."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from audit.errors import KeyFileError
from audit.notes import NoteError, Signer, Verifier
from audit.sealing.private_files import read_private, write_whole

KEYS_LIMIT = 4


@dataclass(frozen=True, slots=True)
class SealingKey:
    """What the sealer signs with: one key, or several during a rotation, all under the log's name."""

    signers: tuple[Signer, ...]

    def __post_init__(self) -> None:
        if len({signer.name for signer in self.signers}) != 1 or len(self.signers) > KEYS_LIMIT:
            raise KeyFileError(f"The sealer needs 1 to {KEYS_LIMIT} keys, all of one name.")

    @property
    def origin(self) -> str:
        """The name of the log, which is the first line of its checkpoints."""
        return self.signers[0].name

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """The public halves."""
        return tuple(signer.verifier for signer in self.signers)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The keys in a file, one a line.

        Raises:
            KeyFileError: the file is missing, others may read it, or it holds something else.
        """
        lines = [line for line in read_private(path).splitlines() if line.strip() and not line.startswith("#")]
        try:
            return cls(tuple(Signer.parse(line) for line in lines))
        except NoteError as error:
            raise KeyFileError(f"{path}: {error}") from None

    def write(self, path: Path, *, replace: bool) -> bool:
        """Write the file (0600); whether it was written, which without ``replace`` it is not when there is one."""
        lines = ["# Private keys of the audit log. Who can read this can forge the log."]
        lines += [signer.private_text() for signer in self.signers]
        return write_whole(path, "\n".join(lines) + "\n", mode=0o600, replace=replace)

    def with_new(self) -> "SealingKey":
        """These keys and a new one."""
        return SealingKey((*self.signers, Signer.make(self.origin)))

    def without(self, key_id: str) -> "SealingKey":
        """These keys but the one with this id (8 hex digits).

        Raises:
            KeyFileError: there is none, or it is the only one.
        """
        kept = tuple(signer for signer in self.signers if signer.verifier.key_id.hex() != key_id)
        if len(kept) == len(self.signers):
            raise KeyFileError(f"No key has the id {key_id}: `manage.py audit_key show` lists them.")
        if not kept:
            raise KeyFileError("This is the only key: make another first, with `manage.py audit_key rotate`.")
        return SealingKey(kept)
