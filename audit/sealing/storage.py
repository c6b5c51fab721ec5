"""The statements that read and write the tree, through any cursor of psycopg or Django."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from audit.tiles import TileLoader


class Cursor(Protocol):
    """What is needed of a cursor."""

    def execute(self, query: str, params: Any = None, /) -> Any:  # noqa: ANN401 - DB-API
        """Run one statement."""

    def fetchone(self) -> Any:  # noqa: ANN401 - DB-API
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows."""


def tile_loader(cursor: Cursor) -> TileLoader:
    """Load tiles from the database."""

    def load(level: int, tile_index: int) -> bytes:
        cursor.execute("SELECT hashes FROM audit_tile WHERE level = %s AND tile_index = %s", (level, tile_index))
        row = cursor.fetchone()
        return bytes(row[0]) if row else b""

    return load


def tiles_loader(cursor: Cursor) -> Callable[[int, int], dict[int, bytes]]:
    """Load so many neighbouring tiles of the lowest level from the database, those that are there: index -> hashes."""

    def load(first: int, count: int) -> dict[int, bytes]:
        cursor.execute(
            "SELECT tile_index, hashes FROM audit_tile WHERE level = 0 AND tile_index >= %s AND tile_index < %s",
            (first, first + count),
        )
        return {tile_index: bytes(hashes) for tile_index, hashes in cursor.fetchall()}

    return load


def last_checkpoint(cursor: Cursor) -> tuple[int, bytes, str, datetime] | None:
    """Size, root, note and time of the newest checkpoint; None before the first."""
    cursor.execute("SELECT tree_size, root, note, signed_at FROM audit_checkpoint ORDER BY tree_size DESC LIMIT 1")
    row = cursor.fetchone()
    return (row[0], bytes(row[1]), row[2], row[3]) if row else None
