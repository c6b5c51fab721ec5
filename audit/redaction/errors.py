"""What redactions refuse."""

from audit.errors import AuditError


class RedactionNotFoundError(AuditError):
    """No redaction has this id."""

    code = "redaction_not_found"

    def __init__(self, redaction_id: int) -> None:
        super().__init__(f"There is no redaction {redaction_id}.")


class RedactionRefusedError(AuditError):
    """A redaction cannot be proposed or decided so; ``field`` names what is in the way.

    ``kept`` is what the log keeps of it: the sentence, without what was typed.
    """

    code = "redaction_refused"

    def __init__(self, field: str, sentence: str, *, kept: str = "") -> None:
        super().__init__(sentence)
        self.field = field
        self.kept = kept or sentence


class EventNotFoundError(AuditError):
    """No event has this id."""

    code = "event_not_found"

    def __init__(self, event_id: int) -> None:
        super().__init__(f"There is no event {event_id}.")
