import secrets
from argparse import ArgumentParser
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.errors import KeyFileError
from audit.notes import Verifier
from audit.sealing.database import connect_sealer
from audit.sealing.key_management import KeyFiles, key_make, key_retire, key_rotate
from audit.sealing.keys import SealingKey


class Command(BaseCommand):
    """Makes, shows, rotates and retires the keys that the audit log is signed with. Run it as the sealer's user."""

    help = "The audit log's keys: make the first, show the public ones, rotate with an overlap, retire an old one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One of four words."""
        steps = parser.add_subparsers(dest="step", required=True)
        make = steps.add_parser("make", help="make the first key")
        make.add_argument("--name", default="", help="the log's name for ever, such as change.example.net/audit")
        make.add_argument("--if-missing", action="store_true", help="do nothing when there is a key")
        steps.add_parser("show", help="print the public keys that auditors need")
        steps.add_parser("rotate", help="make a further key; both sign until one is retired")
        retire = steps.add_parser("retire", help="forget an old key")
        retire.add_argument("key_id", help="its 8 hex digits")

    def handle(self, *_args: object, **options: str) -> None:
        """Do it, or say in one sentence why not."""
        files = KeyFiles(Path(settings.AUDIT_KEY_FILE), Path(settings.AUDIT_VERIFIERS))
        if options["step"] == "make" and options["if_missing"] and files.private.exists():
            return
        try:
            getattr(self, f"_{options['step']}")(files, options)
        except KeyFileError as error:
            raise CommandError(str(error)) from None
        except psycopg.errors.InsufficientPrivilege:
            raise CommandError(
                "The database does not let this login record it: set DATABASE_SEALER_URL. The key files may have been"
                " changed already: see `manage.py audit_key show`."
            ) from None
        except psycopg.OperationalError as error:
            raise CommandError(f"PostgreSQL does not answer: {str(error).strip()}") from None

    def _make(self, files: KeyFiles, options: dict[str, str]) -> None:
        name = options["name"] or f"{urlsplit(settings.COUNTERSIGN_URL).netloc}/audit/{secrets.token_hex(4)}"
        with connect_sealer() as connection:
            self._tell(key_make(connection, files, origin=name), files)

    def _show(self, files: KeyFiles, _options: dict[str, str]) -> None:
        for key in files.trusted_keys():
            until = "" if key.until is None else f"  (retired; believed for the first {key.until} entries)"
            self.stdout.write(f"{key.verifier}{until}")
        if not files.private.exists():
            return
        believed = {key.verifier for key in files.trusted_keys()}
        for verifier in SealingKey.read(files.private).verifiers:
            if verifier in believed:
                self.stderr.write(f"The sealer signs with {verifier.key_id.hex()}.")
            else:
                self.stdout.write(str(verifier))
                self.stderr.write(f"The sealer signs with it, but {files.trusted} does not name it: add the line.")

    def _rotate(self, files: KeyFiles, _options: dict[str, str]) -> None:
        with connect_sealer() as connection:
            self._tell(key_rotate(connection, files), files)
        self.stderr.write("Both keys sign now. When everybody has the new line, retire the old key.")

    def _retire(self, files: KeyFiles, options: dict[str, str]) -> None:
        with connect_sealer() as connection:
            retired = key_retire(connection, files, options["key_id"])
        self.stderr.write(f"Key {options['key_id']} is retired: it is believed for the first {retired.until} entries.")

    def _tell(self, verifier: Verifier, files: KeyFiles) -> None:
        self.stdout.write(str(verifier))
        self.stderr.write(
            f"Give this line to your auditors by another way than the product, and put it into {files.trusted.name} on"
            " every host."
        )
