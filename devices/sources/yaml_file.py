"""The YAML inventory source: a file with a list of devices under ``devices``."""

from __future__ import annotations

from pathlib import Path

import yaml

from devices.errors import InventoryError
from devices.sources.entries import collect
from devices.sources.records import Inventory


def load(path: Path) -> Inventory:
    """Read a whole inventory file. Nothing is written.

    Entries that cannot be devices are listed in ``refused`` with their reason code; they never become a guess.

    Raises:
        InventoryError: the file cannot be read or is not an inventory at all.
    """
    return collect((f"Entry {number}", entry) for number, entry in enumerate(_entries(path), start=1))


def _entries(path: Path) -> list[object]:
    try:
        loaded = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise InventoryError(f"The inventory {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise InventoryError(f"The inventory {path} is not valid YAML: {error}") from error
    entries = loaded.get("devices") if isinstance(loaded, dict) else None
    if not isinstance(entries, list):
        raise InventoryError(f"The inventory {path} has no list “devices”.")
    return entries
