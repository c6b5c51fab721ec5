import signal
import threading
from argparse import ArgumentParser
from functools import partial
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.anchors.kinds import newest_anchors
from audit.errors import SealingError
from audit.sealing.anchoring import AnchorThread
from audit.sealing.configuration import configuration_tell
from audit.sealing.database import connect_sealer
from audit.sealing.keys import SealingKey
from audit.sealing.looking_back import look_back
from audit.sealing.memory import HeadMemory
from audit.sealing.presence import clocks_agree
from audit.sealing.seal import seal_once
from audit.sealing.sealer import CHECKPOINT_EVERY_S, Sealer


class Command(BaseCommand):
    """Seals the audit log until SIGTERM or SIGINT. One of the installation leads, others stand by."""

    help = "Seal the audit log: number what was committed, extend the tree, sign a checkpoint at most every second."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Two ways that are not the usual one."""
        parser.add_argument("--once", action="store_true", help="seal what waits now, then end")
        parser.add_argument(
            "--accept-restore",
            action="store_true",
            help="go on although the database lacks entries that were signed: after a backup was restored",
        )

    def handle(self, **options: bool) -> None:
        """Do it, or say in one sentence why not."""
        key_file = Path(settings.AUDIT_KEY_FILE)
        try:
            if options["once"]:
                self._once(key_file, accept_restore=options["accept_restore"])
            else:
                self._run(key_file, accept_restore=options["accept_restore"])
        except SealingError as error:
            raise CommandError(str(error)) from None
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL refuses: {str(error).strip()}") from None

    def _run(self, key_file: Path, *, accept_restore: bool) -> None:
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        anchors = AnchorThread(
            specifications=settings.AUDIT_ANCHORS, connect=connect_sealer, ending=ending, accept_restore=accept_restore
        )
        sealer = Sealer(
            connect=connect_sealer,
            key_file=key_file,
            memory=_memory(key_file),
            on_sealed=anchors.offer,
            on_lead=partial(configuration_tell, every_s=CHECKPOINT_EVERY_S),
            newest=newest_anchors(settings.AUDIT_ANCHORS),
            accept_restore=accept_restore,
        )
        anchors.start()
        try:
            sealer.run(ending)
        finally:
            ending.set()
            anchors.join(timeout=5)

    def _once(self, key_file: Path, *, accept_restore: bool) -> None:
        key, count, memory = SealingKey.read(key_file), 0, _memory(key_file)
        with connect_sealer() as connection:
            look_back(connection, memory, key, newest_anchors(settings.AUDIT_ANCHORS), accept_restore=accept_restore)
            clocks_agree(connection)
            while sealed := seal_once(connection, key):
                memory.remember(sealed.note)
                count += sealed.count
        self.stdout.write(f"Sealed {count} events.")


def _memory(key_file: Path) -> HeadMemory:
    return HeadMemory(key_file.with_name("last-signed"))
