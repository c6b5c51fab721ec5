"""``manage.py audit_archive --apply`` as a process that is killed, on a server of its own: nothing is lost."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.integration.audit.test_sealer_process import Installation, installed, log

__all__ = ["installed", "log"]
pytestmark = [pytest.mark.workers, pytest.mark.timeout(150)]

STEPS = ("written", "renamed", "recorded", "sealed", "removed")

# What was written before is 500 days old; the periods are a person's, who is not there. No guard of it is tested here.
AGED = """
ALTER TABLE audit_event DISABLE TRIGGER audit_event_only_grows;
ALTER TABLE audit_event DISABLE TRIGGER audit_event_row_stays;
UPDATE audit_event SET at = at - interval '500 days' WHERE action = 'thing.noted' AND at > now() - interval '1 day';
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_only_grows;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_row_stays;
ALTER TABLE audit_retention_period DISABLE TRIGGER audit_retention_period_needs_event;
INSERT INTO audit_retention_period (change_class, days) VALUES ('none', 400) ON CONFLICT DO NOTHING;
ALTER TABLE audit_retention_period ENABLE ALWAYS TRIGGER audit_retention_period_needs_event;
"""

# For each step a child writes events and seals them, and runs the command, which sends itself SIGKILL as soon as that
# step is done. A child that is not killed ends with 0.
KILLED = """
import os, signal, sys, django, psycopg
django.setup()
from django.core.management import call_command
from django.db import connection, transaction
from audit.actor import Actor
from audit.recorder import record
from audit.retention.archiving import Archivist
from tests.integration.retention.test_killed import AGED

with transaction.atomic():
    for number in range(5):
        record(actor=Actor.system("writer"), action="thing.noted", object_type="device", object_id=number,
               reason=f"What somebody typed {number}.")
host = connection.settings_dict["HOST"]
with psycopg.connect(host=host, dbname="countersign", user="countersign", autocommit=True) as superuser:
    superuser.execute(AGED)
call_command("audit_sealer", once=True)
step = sys.argv[1]
made = Archivist.__init__

def die(done):
    if done == step:
        os.kill(os.getpid(), signal.SIGKILL)

Archivist.__init__ = lambda self, *given, **options: made(self, *given, **{**options, "after": die})
call_command("audit_archive", apply=True)
"""


def files(log: Installation) -> list[Path]:
    return sorted((log.home / "archives").glob("archive-*.zip"))


def texts_in(path: Path) -> int:
    with zipfile.ZipFile(path) as file:
        return len(file.read("openings.jsonl").splitlines())


def test_killed_after_any_step_it_loses_no_event_and_no_text_and_the_next_run_finishes(log: Installation) -> None:
    noted = "SELECT count(*) FROM audit_event WHERE action = 'thing.noted'"
    gone = "SELECT count(*) FROM audit_archived_event"
    for number, step in enumerate(STEPS, start=1):
        assert log.start("-c", KILLED, step).wait(timeout=60) == -9, (log.home / "output").read_text()
        there, archived = log.one(noted), log.one(gone)
        assert there + archived == 5 * number, step
        assert there == (0 if step == "removed" else 5), step
        assert log.one("SELECT count(*) FROM audit_opening o JOIN audit_event e ON e.id = o.event_id"
                       " WHERE action = 'thing.noted'") == there  # fmt: skip
        said = log.manage("audit_archive", "--apply")
        assert (log.one(noted), log.one(gone)) == (0, 5 * number), step
        assert ("is not recorded: a run was ended before that" in said) == (number > STEPS.index("renamed")), said
        assert not list((log.home / "archives").glob(".archive-*"))
    assert log.one("SELECT count(*) FROM audit_opening WHERE path = '/reason'") == 0
    recorded = log.one("SELECT array_agg(file ORDER BY id) FROM audit_archive WHERE state = 'removed'")
    assert len(recorded) == len(STEPS)
    assert [texts_in(path) for path in files(log) if path.name in recorded] == [5] * len(STEPS)
    assert len(files(log)) == len(STEPS) + 1, "the one that was renamed and not recorded"
    said = log.manage("audit_archive")
    assert "is not recorded: a run was ended before that" in said
    assert said.endswith("Nothing was changed.\n"), said
    assert "No file of an archive here holds" in log.manage("audit_archive", "--redact"), "the sealer's login may ask"
    log.manage("audit_sealer", "--once")
    assert log.manage("audit_verify", "--archives").endswith("The audit log is whole.\n")
