import errno
import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.core.management.base import BaseCommand, CommandError

from audit.actor import Actor
from audit.errors import FilterError
from audit.export import ExportFormat, export_start
from audit.filters import EventFilter


class Command(BaseCommand):
    """Writes audit events to a file or to standard output; the export itself becomes an event."""

    help = "Export audit events, oldest first. The export itself is recorded as an event."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--format``, ``--out`` and one option per filter."""
        parser.add_argument("--format", required=True, choices=list(ExportFormat), dest="form", help="the form")
        parser.add_argument("--out", required=True, help="file to write, or - for standard output")
        for name in EventFilter.names():
            parser.add_argument(f"--{name.replace('_', '-')}", default="", dest=f"filter_{name}", metavar="VALUE")

    def handle(self, *_args: object, **options: str) -> None:
        """Export, or say in one sentence why not."""
        given = {name: options[f"filter_{name}"] for name in EventFilter.names()}
        try:
            event_filter = EventFilter.parse(given)
            with _target(options["out"]) as file:
                form = ExportFormat(options["form"])
                export = export_start(actor=Actor.command(), event_filter=event_filter, form=form)
                size = sum(file.write(chunk) for chunk in export.chunks)
        except FilterError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{options['out']} cannot be written: {error.strerror}.") from error
        self.stderr.write(f"Wrote {size} bytes to {options['out']}; recorded as event {export.event_id}.")


@contextmanager
def _target(name: str) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when it is complete, readable by its owner alone."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        partial = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
