"""What the sealer has signed last, outside the database: so that a database that went back is noticed."""

from pathlib import Path

from audit.checkpoints import TreeHead
from audit.errors import KeyFileError
from audit.notes import Note, NoteError
from audit.sealing.private_files import read_private, write_whole


class HeadMemory:
    """A file with the last checkpoint that this sealer committed. It lies beside the key, which nobody else reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self) -> str:
        """The signed note that is remembered; empty before the first.

        Raises:
            KeyFileError: the file cannot be read.
        """
        return read_private(self.path) if self.path.exists() else ""

    def head(self) -> TreeHead | None:
        """Its head; None before the first.

        Raises:
            KeyFileError: the file cannot be read, or holds something else.
        """
        note = self.note()
        if not note:
            return None
        try:
            return TreeHead.parse(Note.parse(note).text)
        except NoteError:
            raise KeyFileError(f"{self.path} holds no checkpoint. If it is damaged, remove it.") from None

    def remember(self, note: str) -> None:
        """Keep the signed note, after it was committed.

        Raises:
            KeyFileError: the file cannot be written.
        """
        write_whole(self.path, note, mode=0o600)

    def forget(self) -> None:
        """Begin anew: after a restore that people decided on."""
        self.path.unlink(missing_ok=True)
