from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.supervision.cluster import DrainingCluster
from portal.supervision.sessions import bound_idle_transactions


class Command(BaseCommand):
    """Run a task cluster until SIGTERM or SIGINT; in place of django-q2's command of this name."""

    help = "Run this host's task processes, without the watchdog and the dispatcher that `worker` adds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command line."""
        parser.add_argument(
            "--run-once", action="store_true", help="work on what waits in the queue now, then end (for tests)"
        )

    def handle(self, *, run_once: bool, **_: object) -> None:
        """Do it."""
        bound_idle_transactions()
        cluster = DrainingCluster(pin=settings.COUNTERSIGN_PIN_WORKERS, home=settings.COUNTERSIGN_HOME)
        cluster.start()
        if run_once:
            cluster.stop()
