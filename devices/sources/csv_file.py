"""The CSV inventory source: a header row with the names of fields, then one device a line.

Tags, uplinks and host keys are lists: their values stand in one cell, separated by semicolons (or by vertical bars,
where the semicolon separates the cells). Nothing is ever computed: a cell that a spreadsheet would take for a formula
is refused, so that it does not come out of an export again either.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Final

from devices.errors import InventoryError
from devices.sources.entries import KNOWN_FIELDS, Unusable, collect
from devices.sources.records import Inventory

MAX_BYTES: Final = 64 * 1024 * 1024
_REQUIRED: Final = ("name", "platform", "address")
_LISTS: Final = ("tags", "uplinks", "host_keys")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def load(path: Path) -> Inventory:
    """Read a whole inventory file. Nothing is written.

    Lines that cannot be devices are listed in ``refused`` with their reason code and their number.

    Raises:
        InventoryError: the file cannot be read, or its header row names no inventory.
    """
    return collect(_entries(path, _text(path)))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InventoryError(f"The inventory {path} is larger than {MAX_BYTES // 1024 // 1024} MiB. Split it.")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InventoryError(f"The inventory {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InventoryError(
            f"The inventory {path} is not UTF-8, first in line {line}: save it as “CSV UTF-8”."
        ) from error


def _entries(path: Path, text: str) -> Iterator[tuple[str, object]]:
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    inner = "|" if delimiter == ";" else ";"
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = _header(path, next(reader, []))
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield f"Line {reader.line_num}", _entry(names, cells, inner)
    except csv.Error as error:
        raise InventoryError(f"The inventory {path} is not valid CSV in line {reader.line_num}: {error}.") from error


def _header(path: Path, cells: Sequence[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    unknown = [name for name in names if name not in KNOWN_FIELDS]
    missing = [name for name in _REQUIRED if name not in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    known = ", ".join(sorted(KNOWN_FIELDS))
    if unknown:
        raise InventoryError(f"The header row of {path} has the field “{unknown[0][:80]}”; known are {known}.")
    if missing:
        raise InventoryError(f"The header row of {path} lacks {' and '.join(missing)}; known are {known}.")
    if twice:
        raise InventoryError(f"The header row of {path} names {twice[0]} twice.")
    return names


def _entry(names: Sequence[str], cells: Sequence[str], inner: str) -> object:
    if len(cells) != len(names):
        return Unusable(
            f"{len(cells)} cells instead of the {len(names)} of the header row; check quotes and separators."
        )
    given: dict[str, object] = {}
    for name, cell in zip(names, cells, strict=True):
        text = cell.strip()
        if text.startswith(_FORMULA):
            return Unusable(f"{name} begins with “{text[0]}”, which a spreadsheet takes for a formula; take it out.")
        if name in _LISTS:
            given[name] = [part.strip() for part in text.split(inner) if part.strip()]
        elif text:
            given[name] = int(text) if name == "port" and text.isascii() and text.isdigit() else text
    return given
