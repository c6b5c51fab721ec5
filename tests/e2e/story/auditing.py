"""Finding what happened in the audit explorer, and taking it away."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Final

from tests.e2e.browsing import Person

STEPS: Final = (
    "change.created", "plan.requested", "plan.ready", "change.submitted", "change.assess_refused", "change.assessed",
    "change.authorized", "approval.approved", "change.started", "run.started", "device_run.step_entered",
    "device_run.ended", "run.ended", "change.finished", "change.close_refused", "change.closed",
)  # fmt: skip
"""What the story left in the log, as the filter knows it."""


def finds_every_step(auditor: Person, number: str) -> None:
    """By the filters for the change and for what happened."""
    page = auditor.page
    auditor.goes("/audit/")
    auditor.poses("audit")
    page.get_by_role("textbox", name="Change", exact=True).fill(number)
    auditor.clicks("button", "Filter")
    for action in STEPS:
        wanted = page.get_by_label("What", exact=True)
        wanted.fill(action)
        with page.expect_navigation():
            wanted.press("Enter")
        assert set(page.locator("tbody tr td:nth-child(3)").all_inner_texts()) == {action}
    auditor.checks()
    with page.expect_navigation():
        page.locator("tbody tr td:first-child a").first.click()
    auditor.checks()
    auditor.poses("audit-event")


def takes_every_step_away(auditor: Person, number: str, folder: Path) -> None:
    """As CSV and as JSON Lines: both files hold the same events, and every step is among them."""
    auditor.goes(f"/audit/?change_id={number}")
    table = list(csv.DictReader(io.StringIO(_export(auditor, "CSV", folder))))
    lines = [json.loads(line) for line in _export(auditor, "JSON Lines", folder).splitlines()]
    assert [row["id"] for row in table] == [str(line["id"]) for line in lines]
    assert set(STEPS) <= {row["action"] for row in table}
    assert set(STEPS) <= {line["body"]["action"] for line in lines}


def _export(auditor: Person, label: str, folder: Path) -> str:
    with auditor.page.expect_download() as download:
        auditor.page.get_by_role("link", name=f"Export {label}").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    auditor.checks()
    return path.read_bytes().decode()
