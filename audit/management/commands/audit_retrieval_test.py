from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.actor import Actor
from audit.errors import KeyFileError
from audit.retention.errors import ArchiveError, NothingArchivedError
from audit.retention.retrieval import LOOKED_UP, SAMPLE, retrieval_test
from audit.sealing.trust import trusted_keys


class Command(BaseCommand):
    """Proves that archives can still be read. Run it once a quarter, as a user who can read the files."""

    help = "Take archives by chance, verify them, look events up in them, and keep a report; exit with 1 if one fails."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much is taken."""
        parser.add_argument("--sample", type=int, default=SAMPLE, help=f"how many archives (default {SAMPLE})")
        parser.add_argument("--events", type=int, default=LOOKED_UP, help=f"events in each (default {LOOKED_UP})")
        parser.add_argument("--folder", type=Path, default=None, help="where the files are, instead of AUDIT_ARCHIVES")

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - Django's options
        """Do it, or say in one sentence why not."""
        if not (1 <= options["sample"] <= 1000 and 1 <= options["events"] <= 1000):
            raise CommandError("--sample and --events take numbers from 1 to 1000.")
        try:
            test = retrieval_test(
                actor=Actor.command(),
                folder=options["folder"] or Path(settings.AUDIT_ARCHIVES),
                keys=trusted_keys(),
                sample=options["sample"],
                looked_up=options["events"],
            )
        except NothingArchivedError as nothing:
            self.stdout.write(str(nothing))  # a timer that runs every quarter has not failed then
            return
        except (ArchiveError, KeyFileError) as error:
            raise CommandError(str(error)) from None
        for taken in test.result["taken"]:
            outcome = taken["problem"] or f"verified; {len(taken['looked_up'])} events looked up"
            self.stdout.write(
                f"{taken['file']}: {taken['events']:,} events, {taken['seconds']} s: {outcome.rstrip('.')}."
            )
        if not test.passed:
            raise CommandError(f"The retrieval test {test.pk} has failed. Restore the archive from a backup.")
        self.stdout.write(f"The retrieval test {test.pk} has passed.")
