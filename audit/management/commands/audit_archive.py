from argparse import ArgumentParser
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.anchors.kinds import newest_anchors
from audit.errors import KeyFileError, SealingError
from audit.retention.archive_redacting import RedactedFile
from audit.retention.archiving import EVENTS_AT_ONCE, Archived, Archivist, Broken, Held
from audit.retention.choosing import due_events
from audit.retention.errors import ArchiveError
from audit.retention.leftovers import leftovers
from audit.retention.waiting import waiting_redactions
from audit.sealing.database import connect_sealer
from audit.sealing.memory import HeadMemory
from audit.sealing.trust import trusted_keys

_LONGEST_REASON = 2_000


class Command(BaseCommand):
    """Moves events whose time is over to signed archives. Run it as the sealer's user, and back the files up."""

    help = "Say which events' time is over; with --apply, move them to signed archives that still verify."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Without one of the first three nothing is changed."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--apply", action="store_true", help="make the archives; without it only say what is due")
        what.add_argument("--redact", action="store_true", help="take redacted texts out of the files in the folder")
        what.add_argument(
            "--give-up", type=int, metavar="ARCHIVE", help="leave an archive whose events are still in the table"
        )
        parser.add_argument("--reason", default="", help="why it is given up; kept in the log")
        parser.add_argument("--folder", type=Path, default=None, help="where the files are, instead of AUDIT_ARCHIVES")
        parser.add_argument(
            "--events", type=int, default=EVENTS_AT_ONCE, help=f"events of one archive (default {EVENTS_AT_ONCE:,})"
        )

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - Django's options
        """Do it, or say in one sentence why not."""
        if not 1 <= options["events"] <= 1_000_000:
            raise CommandError("--events takes a number from 1 to 1,000,000.")
        try:
            with connect_sealer() as connection:
                self._do(connection, options)
        except (ArchiveError, KeyFileError, SealingError) as error:
            raise CommandError(str(error)) from None
        except psycopg.errors.InsufficientPrivilege:
            raise CommandError("The database does not let this login do it: set DATABASE_SEALER_URL.") from None
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL refuses: {str(error).strip()}") from None

    def _do(self, connection: psycopg.Connection[Any], options: dict[str, Any]) -> None:
        folder = options["folder"] or Path(settings.AUDIT_ARCHIVES)
        if options["redact"]:
            self._redact(_archivist(connection, folder))
        elif options["give_up"] is not None:
            self._give_up(connection, folder, options["give_up"], options["reason"].strip())
        else:
            something = self._tell_due(connection)
            self._tell_leftovers(connection, folder)
            if options["apply"]:
                self._apply(_archivist(connection, folder), options["events"])
            else:
                more = " To move them: manage.py audit_archive --apply" if something else ""
                self.stdout.write(f"Nothing was changed.{more}")

    def _tell_due(self, connection: psycopg.Connection[Any]) -> bool:
        with psycopg.Cursor(connection) as cursor:
            due, waiting = due_events(cursor), waiting_redactions(cursor)
        for each in due:
            of = f" of {each.changes:,} changes" if each.changes else ""
            self.stdout.write(
                f"{each.retention_class.label}: the time of {each.events:,} events{of} is over, from"
                f" {each.first_at:%Y-%m-%d} to {each.last_at:%Y-%m-%d}."
            )
        if not due:
            self.stdout.write("The time of no event is over, or what is due is held.")
        for redaction in waiting:
            self.stdout.write(f"{redaction.sentence} Have it carried out, declined or withdrawn.")
        return bool(due)

    def _tell_leftovers(self, connection: psycopg.Connection[Any], folder: Path) -> None:
        with psycopg.Cursor(connection) as cursor:
            for sentence in leftovers(cursor, folder, trusted_keys()):
                self.stdout.write(sentence)

    def _apply(self, archivist: Archivist, limit: int) -> None:
        broken = self._tell_all(archivist.finish())
        while (made := archivist.make(limit)) is not None:
            self._tell(made)
        _demand_none(broken | self._tell_all(archivist.redact(), but=broken))

    def _redact(self, archivist: Archivist) -> None:
        outcomes = list(archivist.redact())
        if not outcomes:
            self.stdout.write("No file of an archive here holds a text that was redacted.")
        _demand_none(self._tell_all(outcomes))

    def _give_up(self, connection: psycopg.Connection[Any], folder: Path, archive_id: int, reason: str) -> None:
        if not reason or len(reason) > _LONGEST_REASON or "\0" in reason:
            raise CommandError("Say with --reason, in a few words, why the archive is given up.")
        path = _archivist(connection, folder).give_up(archive_id, reason)
        self.stdout.write(f"The archive {archive_id} is given up: its events stay in the table. {path} is gone.")

    def _tell_all(
        self, outcomes: Iterable[Archived | Held | Broken | RedactedFile], *, but: Collection[int] = ()
    ) -> set[int]:
        """Say what came of archives, but of those that were told of; the numbers of those that need somebody."""
        broken = set()
        for outcome in outcomes:
            if isinstance(outcome, Broken):
                broken.add(outcome.archive_id)
            if outcome.archive_id not in but:
                self._tell(outcome)
        return broken

    def _tell(self, outcome: Archived | Held | Broken | RedactedFile) -> None:
        if isinstance(outcome, Held):
            self.stderr.write(f"{outcome.file} is complete, but its events stay in the table. {outcome.why}")
        elif isinstance(outcome, Broken):
            self.stderr.write(f"Archive {outcome.archive_id}: {outcome.why}")
        elif isinstance(outcome, RedactedFile):
            by = ", ".join(str(number) for number in outcome.redactions) or "that the log told of already"
            self.stdout.write(
                f"{outcome.file}: {outcome.texts:,} texts taken out by redaction {by}; verified. Do the same with each"
                " copy: --folder."
            )
        else:
            self.stdout.write(f"{outcome.file}: {outcome.events:,} events, verified, and removed from the table.")


def _archivist(connection: psycopg.Connection[Any], folder: Path) -> Archivist:
    key_file = Path(settings.AUDIT_KEY_FILE)
    return Archivist(
        connection,
        folder=folder,
        key_file=key_file,
        memory=HeadMemory(key_file.with_name("last-signed")),
        keys=trusted_keys(),
        newest=newest_anchors(settings.AUDIT_ANCHORS),
    )


def _demand_none(broken: set[int]) -> None:
    if broken:
        numbers = ", ".join(str(number) for number in sorted(broken))
        raise CommandError(
            f"These archives need you: {numbers}. Restore the files from a backup; where events are still in the table,"
            " you can also give the archive up: manage.py audit_archive --give-up NUMBER --reason WHY."
        )
