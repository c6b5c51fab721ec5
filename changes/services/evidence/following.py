"""What the events of a pack name while they go by: changes, revisions, and the lines for its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from audit.redaction.openings import StoredOpening, body_with

REPORTED: Final = 1_000
"""Events that a report lists; the rest stands in events.jsonl."""
_QUIET: Final = frozenset({"device_run.step_entered"})


@dataclass
class Named:
    """What has to be enclosed, by the id of its change; and what the report tells."""

    encloses: bool
    revisions: dict[int, dict[int, str]] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    untold: int = 0
    count: int = 0

    def take(self, line: str) -> None:
        """The next event's line."""
        said = json.loads(line)
        body = said["body"]
        self.count += 1
        self._tell(said, body)
        change = body.get("change_id")
        if not self.encloses or change is None:
            return
        self.revisions.setdefault(change, {})
        if body["action"] == "plan.ready":
            self.revisions[change][int(body["object"]["id"])] = body["details"]["digest"]

    def open(self, stored: Mapping[int, Mapping[str, StoredOpening]]) -> None:
        """Put the texts of people into what the report tells, where they are still there."""
        for row in self.told:
            sealed = {"object": {"label": row["about"]}, "reason": row["reason"], "details": row["details"]}
            body = body_with(sealed, stored.get(row["id"], {}))
            row |= {"about": body["object"]["label"], "reason": body["reason"], "details": body["details"]}

    def _tell(self, said: dict[str, Any], body: dict[str, Any]) -> None:
        if body["action"] in _QUIET or len(self.told) >= REPORTED:
            self.untold += 1
            return
        self.told.append({
            "id": said["id"], "at": said["at"], "who": body["actor"]["name"], "action": body["action"],
            "about": body["object"]["label"], "from": body["state"]["from"], "to": body["state"]["to"],
            "code": body.get("code", ""), "reason": body.get("reason", ""), "details": body.get("details") or {},
        })  # fmt: skip
