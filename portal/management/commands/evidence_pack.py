import os
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from audit.actor import Actor
from audit.errors import AuditError
from audit.filters import EventFilter
from changes.domain.errors import ChangeError
from changes.domain.evidence import PackScope, PackState
from changes.models import EvidencePack
from changes.services.evidence.asking import pack_ask
from changes.services.evidence.downloading import pack_parts
from changes.services.evidence.making import pack_make

WAIT_S = 600.0
LOOK_EVERY_S = 0.5


class Command(BaseCommand):
    """Makes an evidence pack and writes it to a file; asking, making and writing are events."""

    help = "Make an evidence pack of one change, of chosen events or of the whole log, and write it to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What it is about, where it goes, and which tree heads somebody holds."""
        parser.add_argument("--change", help="a change such as CHG-00042")
        parser.add_argument("--whole-log", action="store_true", help="every event")
        parser.add_argument("--out", required=True, type=Path, help="the zip file to write")
        parser.add_argument(
            "--held-size", action="append", default=[], type=int, metavar="ENTRIES",
            help="size of a tree head that you hold; the pack proves that the log continues it",
        )  # fmt: skip
        parser.add_argument("--wait", default=WAIT_S, type=float, metavar="SECONDS", help="how long to wait for it")
        for name in EventFilter.names():
            parser.add_argument(f"--{name.replace('_', '-')}", default="", dest=f"filter_{name}", metavar="VALUE")

    def handle(self, *_args: object, **options: object) -> None:
        """Make it, or say in one sentence why not."""
        out = Path(str(options["out"]))
        try:
            pack = _ask(options)
            pack = _made(pack, float(str(options["wait"])), tell=self.stderr.write)
            size = _write(pack, out)
        except (ChangeError, AuditError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Wrote {size} bytes to {out}: {pack}, SHA-256 {pack.sha256}.")


def _ask(options: dict[str, object]) -> EvidencePack:
    given = {name: str(options[f"filter_{name}"]) for name in EventFilter.names()}
    filters = {name: value for name, value in given.items() if value}
    chosen = [name for name in ("change", "whole_log") if options[name]] + (["filters"] if filters else [])
    if len(chosen) != 1:
        raise CommandError("Give one of: --change, --whole-log, or filters such as --actor.")
    scope = {"change": PackScope.CHANGE, "whole_log": PackScope.WHOLE, "filters": PackScope.FILTER}[chosen[0]]
    number = str(options["change"] or "").upper().removeprefix("CHG-").lstrip("0")
    if scope is PackScope.CHANGE and not number.isdecimal():
        raise CommandError(f"{options['change']} is no change. Name it as CHG-00042.")
    held: list[int] = options["held_size"]  # type: ignore[assignment]  # a list by add_arguments
    return pack_ask(
        actor=Actor.command(),
        scope=scope,
        change_id=int(number) if number else None,
        filters=filters,
        held_sizes=held,
    )


def _made(pack: EvidencePack, wait_s: float, *, tell: Callable[[str], object]) -> EvidencePack:
    until, said = time.monotonic() + wait_s, ""
    while True:
        state = pack_make(pack.pk)
        if state in {PackState.READY, PackState.FAILED, PackState.EXPIRED} or time.monotonic() > until:
            break
        pack.refresh_from_db()
        waits_for = pack.detail or "Another process is at work on it."
        if waits_for != said:
            tell(f"Waiting up to {wait_s:.0f} s. {waits_for}")
            said = waits_for
        time.sleep(LOOK_EVERY_S)
    pack.refresh_from_db()
    if state != PackState.READY:
        raise CommandError(pack.detail or "The pack is not ready yet. It goes on in the background; see its page.")
    return pack


def _write(pack: EvidencePack, out: Path) -> int:
    """Under its name the file appears only when it is complete, readable by its owner alone."""
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as file:
        partial = Path(file.name)
        try:
            size = sum(map(file.write, pack_parts(pack_id=pack.pk, actor=Actor.command()).chunks))
            file.flush()
            os.fsync(file.fileno())
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    return size
