"""What retention refuses."""

from audit.errors import AuditError, FilterError


class ArchiveError(AuditError):
    """An archive cannot be made, read or believed; the message is a sentence for people."""

    code = "audit_archive"


class NothingArchivedError(ArchiveError):
    """No event has left the table yet."""

    def __init__(self) -> None:
        super().__init__("No events were archived yet, so there is nothing to retrieve.")


class ArchiveNotFoundError(AuditError):
    """There is no such archive, or no such retrieval test."""

    code = "archive_not_found"


class EventArchivedError(AuditError):
    """The event is not in the table any more; the sentence says to which archive it went."""

    code = "event_archived"


class BadRetentionError(FilterError):
    """A hold or a period cannot be like this; ``field`` names what is wrong."""

    code = "bad_retention"


class HoldNotFoundError(AuditError):
    """There is no such legal hold."""

    code = "hold_not_found"

    def __init__(self, hold_id: int) -> None:
        super().__init__(f"There is no legal hold {hold_id}.")
        self.hold_id = hold_id


class HoldStateError(AuditError):
    """The hold does not stand where this step begins."""

    code = "hold_state"


class RetentionRefusedError(AuditError):
    """The person may not do this to holds or periods."""

    code = "retention_refused"
