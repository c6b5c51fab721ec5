"""The retrieval test: archives are taken by chance, verified from their bytes up, and events looked up in them."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.db import connection, transaction

from audit.actor import Actor
from audit.checkpoints import TrustedKey
from audit.models import Archive, ArchivedEvent, RetrievalTest
from audit.recorder import record
from audit.retention.archive_texts import Texts
from audit.retention.checking import Compared, check_recorded
from audit.retention.errors import ArchiveError, NothingArchivedError

SAMPLE: Final = 3
"""Archives that one test takes, unless told otherwise."""
LOOKED_UP: Final = 5
"""Events that are looked up in each of them."""
_chance: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What came of one archive: ``problem`` is empty where its file verified and every event was found in it.

    ``texts`` of people are those that were sealed; ``lacking`` ones were redacted. A text that is missing without a
    redaction is a problem, and so is one that is still there after its redaction.
    """

    archive_id: int
    file: str
    events: int
    size: int
    seconds: str
    looked_up: list[dict[str, object]]
    texts: int
    lacking: int
    problem: str


def retrieval_test(
    *, actor: Actor, folder: Path, keys: Sequence[TrustedKey], sample: int = SAMPLE, looked_up: int = LOOKED_UP
) -> RetrievalTest:
    """Take up to ``sample`` archives by chance, prove each, look events up in it, and keep the result with an event.

    Raises:
        NothingArchivedError: there is no archive yet whose events have left the table.
    """
    ids = list(Archive.objects.filter(state="removed").order_by("pk").values_list("pk", flat=True))
    if not ids:
        raise NothingArchivedError
    chosen = sorted(_chance.sample(ids, min(sample, len(ids))))
    found = [_retrieved(archive, folder, keys, looked_up) for archive in Archive.objects.filter(pk__in=chosen)]
    result = {"archives": len(ids), "folder": str(folder), "taken": [asdict(each) for each in found]}
    return _keep(actor, result, passed=not any(each.problem for each in found))


def _retrieved(archive: Archive, folder: Path, keys: Sequence[TrustedKey], looked_up: int) -> Retrieved:
    asked = _some_events(archive, looked_up)
    found: dict[int, dict[str, object]] = {}

    def each(place: int, event_id: int, line: bytes) -> None:
        if event_id in asked:
            body = json.loads(line)["body"]
            thing = f"{body['object']['type']} {body['object']['id']}"
            found[event_id] = {"event": event_id, "leaf": place, "action": body["action"], "object": thing}

    began, problem, texts = datetime.now(UTC), "", Texts(0, 0, "")
    try:
        with connection.cursor() as cursor:
            compared = check_recorded(cursor, folder / archive.file, keys, each=each)
        texts, problem = compared.checked.texts, texts_problem(compared)
    except ArchiveError as error:
        problem = str(error)
    lost = sorted(asked - found.keys())
    if lost and not problem:
        problem = f"Event {lost[0]} was not found in it."
    return Retrieved(
        archive_id=archive.pk,
        file=archive.file,
        events=archive.events,
        size=archive.size,
        seconds=f"{(datetime.now(UTC) - began).total_seconds():.1f}",
        looked_up=[] if problem else [found[key] for key in sorted(found)],
        texts=texts.shown,
        lacking=texts.lacking,
        problem=problem,
    )


def texts_problem(compared: Compared) -> str:
    """What is wrong with the texts of a file that is right otherwise, as a sentence; empty where nothing is."""
    if compared.unexplained:
        return (
            f"Texts are missing that no redaction took out: {compared.unexplained:,}. They were taken out by hand."
            " Restore the file from a backup."
        )
    if compared.redacted:
        return (
            f"Texts are still in the file that two people have redacted: {compared.redacted:,}. Run manage.py"
            " audit_archive --redact as the sealer's user."
        )
    return ""


def _some_events(archive: Archive, number: int) -> set[int]:
    """Some of its events, by chance, as the database knows them; found by their order among its rows."""
    rows = ArchivedEvent.objects.filter(archive_id=archive.pk).order_by("leaf_index")
    places = _chance.sample(range(archive.events), min(number, archive.events))
    return {event_id for place in places for event_id in rows.values_list("event_id", flat=True)[place : place + 1]}


@transaction.atomic
def _keep(actor: Actor, result: dict[str, object], *, passed: bool) -> RetrievalTest:
    test = RetrievalTest.objects.create(made_by=actor.username, passed=passed, result=result)
    record(
        actor=actor,
        action="audit_archive.retrieval_tested",
        object_type="retrieval_test",
        object_id=test.pk,
        object_label=f"Retrieval test {test.pk}",
        details={"passed": passed, **result},
    )
    return test
