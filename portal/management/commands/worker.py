import sys
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.supervision.watchdog import DRAIN_S, Watchdog


class Command(BaseCommand):
    """Run this host's workers until SIGTERM or SIGINT."""

    help = "Run this host's workers: the task cluster and the dispatcher, started again when they die or hang."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command line."""
        parser.add_argument(
            "--drain-seconds",
            type=float,
            default=DRAIN_S,
            help="how long running tasks may go on after SIGTERM before they are killed (default: %(default)s)",
        )

    def handle(self, *, drain_seconds: float, **_: object) -> None:
        """Do it."""
        watchdog = Watchdog(home=settings.COUNTERSIGN_HOME, workers=settings.COUNTERSIGN_WORKERS, drain_s=drain_seconds)
        sys.exit(watchdog.run())
