from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.errors import KeyFileError, SealingError
from audit.retention.archiving import EVENTS_AT_ONCE, Archived, Archivist, Held
from audit.retention.choosing import due_events, unrecorded
from audit.retention.errors import ArchiveError
from audit.sealing.database import connect_sealer
from audit.sealing.memory import HeadMemory
from audit.sealing.trust import trusted_keys


class Command(BaseCommand):
    """Moves events whose time is over to signed archives. Run it as the sealer's user, and back the files up."""

    help = "Say which events' time is over; with --apply, move them to signed archives that still verify."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Without ``--apply`` nothing is changed."""
        parser.add_argument("--apply", action="store_true", help="make the archives; without it only say what is due")
        parser.add_argument("--folder", type=Path, default=None, help="where to, instead of AUDIT_ARCHIVES")
        parser.add_argument(
            "--events", type=int, default=EVENTS_AT_ONCE, help=f"events of one archive (default {EVENTS_AT_ONCE:,})"
        )

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - Django's options
        """Do it, or say in one sentence why not."""
        if not 1 <= options["events"] <= 1_000_000:
            raise CommandError("--events takes a number from 1 to 1,000,000.")
        try:
            with connect_sealer() as connection:
                folder = options["folder"] or Path(settings.AUDIT_ARCHIVES)
                self._tell_due(connection)
                self._tell_unrecorded(connection, folder)
                if options["apply"]:
                    self._apply(connection, folder, options["events"])
                else:
                    self.stdout.write("Nothing was changed. To move them: manage.py audit_archive --apply")
        except (ArchiveError, KeyFileError, SealingError) as error:
            raise CommandError(str(error)) from None
        except psycopg.errors.InsufficientPrivilege:
            raise CommandError("The database does not let this login do it: set DATABASE_SEALER_URL.") from None
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL refuses: {str(error).strip()}") from None

    def _tell_due(self, connection: psycopg.Connection[Any]) -> None:
        with psycopg.Cursor(connection) as cursor:
            due = due_events(cursor)
        for each in due:
            of = f" of {each.changes:,} changes" if each.changes else ""
            self.stdout.write(
                f"{each.retention_class.label}: the time of {each.events:,} events{of} is over, from"
                f" {each.first_at:%Y-%m-%d} to {each.last_at:%Y-%m-%d}."
            )
        if not due:
            self.stdout.write("The time of no event is over, or what is due is held.")

    def _tell_unrecorded(self, connection: psycopg.Connection[Any], folder: Path) -> None:
        with psycopg.Cursor(connection) as cursor:
            for path in unrecorded(cursor, folder):
                self.stdout.write(
                    f"{path} is not recorded: a run was ended before that. Its events are still in the table, and go to"
                    " another file. Delete this one: it holds texts of people, which nobody keeps track of in it."
                )

    def _apply(self, connection: psycopg.Connection[Any], folder: Path, limit: int) -> None:
        key_file = Path(settings.AUDIT_KEY_FILE)
        archivist = Archivist(
            connection,
            folder=folder,
            key_file=key_file,
            memory=HeadMemory(key_file.with_name("last-signed")),
            keys=trusted_keys(),
        )
        for outcome in archivist.finish():
            self._tell(outcome)
        while (made := archivist.make(limit)) is not None:
            self._tell(made)

    def _tell(self, outcome: Archived | Held) -> None:
        if isinstance(outcome, Held):
            self.stderr.write(f"{outcome.file} is complete, but its events stay in the table. {outcome.why}")
        else:
            self.stdout.write(f"{outcome.file}: {outcome.events:,} events, verified, and removed from the table.")
