import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from audit.models import Event

Say = Callable[..., int]


def _export(*arguments: str) -> str:
    said = io.StringIO()
    call_command("audit_export", *arguments, stderr=said)
    return said.getvalue()


@pytest.mark.django_db
def test_it_writes_a_file_for_its_owner_alone_and_is_recorded(say: Say, trace: str, tmp_path: Path) -> None:
    wanted = say(code="A")
    say(code="B")
    out = tmp_path / "events.jsonl"
    said = _export("--format", "jsonl", "--out", str(out), "--request-id", trace, "--code", "A")
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [wanted]
    assert out.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [out]
    event = Event.objects.filter(action="audit.exported").latest("id")
    assert (event.origin, event.actor_id) == ("command", None)
    assert event.actor_name
    assert event.content()["details"]["filters"] == {"request_id": trace, "code": "A"}
    assert said.strip() == f"Wrote {out.stat().st_size} bytes to {out}; recorded as event {event.pk}."


@pytest.mark.django_db
def test_it_replaces_an_older_file_whole(say: Say, trace: str, tmp_path: Path) -> None:
    say(reason="+1")
    out = tmp_path / "events.csv"
    out.write_text("old and much longer than the new one" * 1_000)
    _export("--format", "csv", "--out", str(out), "--request-id", trace)
    (row,) = csv.DictReader(io.StringIO(out.read_text()))
    assert row["reason"] == "'+1"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--since", "yesterday"], "since needs a day or a time"),
        (["--change-id", "x"], "change_id needs a whole number"),
        (["--ids", "1,x"], "ids needs a whole number"),
    ],
)
def test_a_bad_filter_gets_a_sentence_and_leaves_no_file(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    before = Event.objects.count()
    with pytest.raises(CommandError, match=sentence):
        _export("--format", "csv", "--out", str(tmp_path / "x.csv"), *arguments)
    assert list(tmp_path.iterdir()) == []
    assert Event.objects.count() == before


@pytest.mark.django_db
def test_a_place_that_cannot_be_written_gets_a_sentence_and_no_event(tmp_path: Path) -> None:
    before = Event.objects.count()
    for out in (tmp_path / "missing" / "x.csv", tmp_path):
        with pytest.raises(CommandError, match=r"cannot be written: \w"):
            _export("--format", "csv", "--out", str(out))
    assert Event.objects.count() == before


@pytest.mark.django_db
def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="invalid choice: 'pack'"):
        _export("--format", "pack", "--out", str(tmp_path / "x"))


@pytest.mark.django_db(transaction=True)
def test_it_runs_as_a_program_and_writes_to_standard_output(
    say: Say, trace: str, process_environment: dict[str, str]
) -> None:
    with transaction.atomic():
        ids = [say(reason="Zürich"), say()]
    command = [sys.executable, "manage.py", "audit_export", "--format", "jsonl", "--out", "-", "--request-id", trace]
    done = subprocess.run(  # the database's own words would stand in stderr
        command, env={**os.environ, **process_environment}, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ids
    assert b"recorded as event" in done.stderr
