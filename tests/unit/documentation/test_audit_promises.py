"""Each promise of the audit log stands beside the test that proves it."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "audit-log.md"
ROW = re.compile(r"^\| (?P<promise>[^|]+) \| (?P<proof>[^|]+) \|$", re.MULTILINE)

# Paragraph by paragraph of what somebody could do: a table that loses one of these has lost a promise.
TAMPERINGS = (
    "edited", "deleted", "put in", "moved", "cut off", "exchanged", "another key", "older copy", "Two histories",
    "time to come", "redacted text is guessed", "decision", "state", "guard", "No device is written",
)  # fmt: skip


def promises() -> dict[str, str]:
    text = GUIDE.read_text()
    section = text.split("### The test that proves each promise")[1].split("###")[0]
    rows = {row["promise"]: row["proof"] for row in ROW.finditer(section) if row["promise"] not in {"promise", "---"}}
    assert len(rows) >= 20
    return rows


def test_each_promise_names_a_test() -> None:
    assert [promise for promise, proof in promises().items() if not re.search(r"`test_\w+`", proof)] == []


def test_no_kind_of_tampering_is_left_out() -> None:
    told = " ".join(promises())
    assert [kind for kind in TAMPERINGS if kind not in told] == []
