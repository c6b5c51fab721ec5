"""The evidence of what reached a device: one JSON object per line, appended as it happens."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Journal:
    """A device's `commands.jsonl`.

    A received line is `{"at", "session", "mode", "line", "result"}`; anything else has an "event": "connect" (a TCP
    connection), "auth" (a password was offered: username and result, never the password), "open", "close", "cut"
    (the lab ended the session), "boot".
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def line(self, session: int, mode: str, line: str, result: str) -> None:
        """Note a line that arrived complete, and what became of it."""
        self._append({"session": session, "mode": mode, "line": line, "result": result})

    def event(self, session: int, event: str, **details: str) -> None:
        """Note something that is not a line."""
        self._append({"session": session, "event": event, **details})

    def entries(self) -> list[dict[str, Any]]:
        """Everything so far, oldest first."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def _append(self, entry: dict[str, Any]) -> None:
        stamped = {"at": datetime.now(UTC).isoformat(timespec="microseconds"), **entry}
        with self.path.open("a") as file:
            file.write(json.dumps(stamped) + "\n")
