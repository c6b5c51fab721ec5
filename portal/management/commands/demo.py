import sys
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.start import StartError
from portal.supervision.demo import Demo, DemoError, DemoOptions
from portal.supervision.lab_ports import NoPortsError


class Command(BaseCommand):
    """Run the demo until a signal, or until its check is done."""

    help = "Run everything on this machine: database, simulated devices, workers and web server."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the command line."""
        parser.add_argument("--port", type=int, default=8000, help="port of the web server (default: %(default)s)")
        parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
        parser.add_argument(
            "--exit-after-check",
            action="store_true",
            help="drive one change from draft to closed over the REST API, print a line per step, and end",
        )

    def handle(self, *, port: int, no_browser: bool, exit_after_check: bool, **_: object) -> None:
        """Do it."""
        options = DemoOptions(port=port, open_browser=not no_browser, exit_after_check=exit_after_check)
        demo = Demo(home=settings.COUNTERSIGN_HOME, options=options, say=self._say)
        try:
            code = demo.run()
        except (DemoError, StartError, NoPortsError) as error:
            self.stderr.write(str(error))
            code = 1
        sys.exit(code)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
