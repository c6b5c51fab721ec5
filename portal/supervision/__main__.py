"""``python -m portal.supervision``: the worker command without loading the applications, for a quick start."""

import os
import sys
from argparse import ArgumentParser

from django.conf import settings
from django.utils.log import configure_logging

from portal.start import StartError, prepare
from portal.supervision.watchdog import DRAIN_S, Watchdog


def main() -> int:
    """Run this host's workers until SIGTERM or SIGINT; the exit code."""
    parser = ArgumentParser(prog="portal.supervision")
    parser.add_argument("--drain-seconds", type=float, default=DRAIN_S)
    drain_s: float = parser.parse_args().drain_seconds
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        prepare(attach_database=True)
    except StartError as error:
        sys.stderr.write(f"Countersign cannot start: {error}\n")
        return 1
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    return Watchdog(home=settings.COUNTERSIGN_HOME, workers=settings.COUNTERSIGN_WORKERS, drain_s=drain_s).run()


if __name__ == "__main__":
    sys.exit(main())
