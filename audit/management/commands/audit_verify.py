from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from audit.anchors.kinds import FileAnchor, make_anchor
from audit.anchors.protocols import Witness
from audit.checkpoints import TrustedKey
from audit.errors import KeyFileError
from audit.models import Archive
from audit.retention.checking import Compared, check_recorded
from audit.retention.errors import ArchiveError
from audit.retention.leftovers import missing_events
from audit.retention.retrieval import texts_problem
from audit.sealing.trust import read_trusted, trusted_keys
from audit.verification.contents import comparisons
from audit.verification.findings import Report
from audit.verify import verify


class Command(BaseCommand):
    """Verifies the audit log and says in words what was checked; exits with 1 at the first thing that is wrong."""

    help = "Verify every event, the tree over them, all checkpoints and the anchors; exit with 0, or 1 and a sentence."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to begin with, and what to compare with."""
        add = parser.add_argument
        add("--since", type=int, default=None, metavar="EVENT", help="begin with this event's entry")
        add("--keys", type=Path, default=None, help="a file of verifier keys, instead of AUDIT_VERIFIERS")
        add("--anchor", type=Path, action="append", default=[], metavar="FILE", help="checkpoints to compare with")
        add("--without-anchors", action="store_true", help="do not ask the anchors of AUDIT_ANCHOR")
        add(
            "--archive", type=Path, action="append", default=[], metavar="FILE", help="verify this archive, not the log"
        )
        add("--archives", action="store_true", help="verify every archive whose events have left the table, too")
        add("--log-only", action="store_true", help="do not compare plans, decisions and runs with the log")

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - Django's options
        """Verify."""
        try:
            keys = read_trusted(options["keys"]) if options["keys"] else trusted_keys()
        except KeyFileError as error:
            raise CommandError(str(error)) from None
        if options["archive"]:
            for path in options["archive"]:
                self._check_archive(path, keys)
            return
        witnesses: dict[str, Witness] = {str(path): _given(path) for path in options["anchor"]}
        if not options["without_anchors"]:
            witnesses |= configured_witnesses()
        report = verify(
            keys=keys,
            witnesses=witnesses,
            since_event=options["since"],
            comparisons=() if options["log_only"] else comparisons(),
            progress=self._progress,
        )
        self._tell(report)
        if report.finding is not None:
            raise CommandError(f"The audit log is not as it should be. {report.finding.sentence}")
        if options["archives"]:
            for archive in Archive.objects.filter(state="removed").order_by("pk"):
                self._check_archive(Path(settings.AUDIT_ARCHIVES) / archive.file, keys)
        self.stdout.write("The audit log is whole.")

    def _check_archive(self, path: Path, keys: tuple[TrustedKey, ...]) -> None:
        try:
            with connection.cursor() as cursor:
                compared = check_recorded(cursor, path, keys)
                missing = 0 if compared.recorded else missing_events(cursor, compared.checked)
        except ArchiveError as error:
            raise CommandError(f"This archive is not as it should be. {error}") from None
        checked = compared.checked
        self.stdout.write(
            f"{path.name}: {checked.events:,} events, each proved to stand in the log under the signed tree head of"
            f" {checked.signed.head.size:,} entries. The manifest is signed with the log's key."
        )
        self.stdout.write(f"Texts of people that are those that were sealed: {checked.texts.shown:,}.")
        if checked.texts.lacking:
            self.stdout.write(f"Texts that are missing, redacted or taken out of the file: {checked.texts.lacking:,}.")
        if problem := texts_problem(compared):
            raise CommandError(f"This archive is not as it should be. {path.name}: {problem}")
        self.stdout.write(f"{path.name} {_as_recorded(path.name, compared, missing)}")

    def _progress(self, events: int) -> None:
        self.stderr.write(f"{events:,} events ...")

    def _tell(self, report: Report) -> None:
        began = f", from entry {report.first_index:,} on" if report.first_index else ""
        self.stdout.write(f"Events hashed anew and compared with the tree{began}: {report.events:,}.")
        self.stdout.write(
            f"Tiles of the tree compared: {report.tiles:,}. Checkpoints verified: {report.checkpoints:,}."
        )
        for name, count in report.anchored.items():
            self.stdout.write(f"Anchor {name}: {count:,} {'checkpoint agrees' if count == 1 else 'checkpoints agree'}.")
        if report.archives:
            self.stdout.write(
                f"Events in archives: {report.archived:,}, in {report.archives:,} of them. The tree binds their hashes;"
                " their texts are in the files: see --archive and --archives."
            )
        if any(report.compared.values()):
            counts = ", ".join(f"{what} {count:,}" for what, count in report.compared.items())
            self.stdout.write(f"Compared with what the log says of them: {counts}.")
        if report.waiting:
            self.stdout.write(f"Events that wait for the sealer and cannot be proved yet: {report.waiting:,}.")
        if report.signed_at:
            self.stdout.write(
                f"Newest checkpoint: {report.tree_size:,} entries, root {report.root}, signed"
                f" {report.signed_at:%Y-%m-%d %H:%M:%S} UTC."
            )


def _as_recorded(name: str, compared: Compared, missing: int) -> str:
    checked, recorded = compared.checked, compared.recorded
    if recorded is None and missing:
        return f"is not recorded in this database, which has {missing:,} of its events nowhere else. Keep it."
    if recorded is None:
        return "is not recorded in this database. Its events are still in the table, or in recorded archives."
    called = "" if recorded.file == name else f", there under the name {recorded.file}"
    if recorded.sha256 == checked.sha256:
        return f"is the file that was recorded as archive {recorded.archive_id}{called}."
    if recorded.renewed_sha256 == checked.sha256:
        return f"is the file of archive {recorded.archive_id} as redactions left it{called}."
    return (
        f"holds the events that were recorded as archive {recorded.archive_id}{called}, but is not the file as it was"
        " written: redacted texts were taken out of it, or it was packed anew."
    )


def configured_witnesses() -> dict[str, Witness]:
    """The anchors of the settings that can be read back."""
    made = {specification.name: make_anchor(specification) for specification in settings.AUDIT_ANCHORS}
    return {name: anchor for name, anchor in made.items() if isinstance(anchor, Witness)}


def _given(path: Path) -> FileAnchor:
    if not path.is_file():
        raise CommandError(f"{path} is no file: save the checkpoint that you were given in one.")
    return FileAnchor(path)
