from collections.abc import Sequence


class AuditError(Exception):
    """Base of everything this app refuses; ``code`` is stable and meant for programs."""

    code = "audit_error"


class OutsideTransactionError(AuditError):
    """An event was to be written where no transaction ties it to what it records."""

    code = "audit_outside_transaction"

    def __init__(self, action: str) -> None:
        super().__init__(
            f"The event {action!r} was not recorded: no transaction is open. "
            "Call record() inside transaction.atomic(), together with the change that it records."
        )
        self.action = action


class UnrecordableError(AuditError):
    """A value has no place in an event; ``path`` says where it stands, never what it is."""

    code = "audit_unrecordable"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class SecretRefusedError(UnrecordableError):
    """A value stands under a name that belongs to a secret. The message never shows the value."""

    code = "audit_secret_refused"

    def __init__(self, path: str) -> None:
        super().__init__(
            path,
            "looks like a secret and is not recorded. Leave it out, or record that it was set or changed "
            "(true or false), its name or its id.",
        )


class ImmutableEventError(AuditError):
    """Somebody tried to write, change or delete an event other than through ``record()``."""

    code = "audit_immutable"

    def __init__(self, operation: str) -> None:
        super().__init__(f"{operation} is refused: the audit log only grows, and only through audit.recorder.record().")
        self.operation = operation


class FilterError(AuditError):
    """A filter of the explorer or of an export cannot be used; ``field`` names it."""

    code = "bad_filter"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class UnknownFilterError(FilterError):
    """No filter has this name; ``allowed`` lists those that exist."""

    code = "unknown_filter"

    def __init__(self, field: str, allowed: Sequence[str]) -> None:
        super().__init__(field, f"There is no filter {field[:60]!r}. Use one of: {', '.join(allowed)}.")
        self.allowed = tuple(allowed)


class BadFilterError(FilterError):
    """The filter exists, but its value cannot be read."""


class ExportFormatError(AuditError):
    """The export was asked for in a format that does not exist."""

    code = "bad_format"

    def __init__(self, given: str, allowed: Sequence[str]) -> None:
        choice = " or ".join(f"format={name}" for name in allowed)
        super().__init__(f"There is no export format {given[:60]!r}. Say {choice}.")
        self.given = given
        self.allowed = tuple(allowed)


class SealingError(AuditError):
    """The sealer cannot or must not sign; the message says why and what to do."""

    code = "audit_sealing"


class KeyFileError(SealingError):
    """A file of keys is missing, can be read by others, or does not hold what it should."""

    code = "audit_key_file"


class TreeDamagedError(SealingError):
    """What the database holds of the tree is not what was signed. Nothing is signed on top of it."""

    code = "audit_tree_damaged"


class RolledBackError(SealingError):
    """The database is behind what this sealer has signed, or holds another tree: a backup was restored, or worse."""

    code = "audit_rolled_back"


class ClockError(SealingError):
    """The sealer's clock and the database's are too far apart to sign by."""

    code = "audit_clock"


class AnchorError(AuditError):
    """A checkpoint could not be handed to an anchor, or not read back; it is tried again."""

    code = "audit_anchor"


class NotSealedError(AuditError):
    """The log cannot be proved now: nothing is sealed yet, or no known key has signed it."""

    code = "not_sealed"


class BadSavedSearchError(FilterError):
    """A search cannot be kept like this; ``field`` names what is wrong."""

    code = "bad_saved_search"


class SavedSearchNotFoundError(AuditError):
    """The person has no such saved search, or it is not theirs to change."""

    code = "saved_search_not_found"

    def __init__(self, search_id: int) -> None:
        super().__init__(
            f"You have no saved search {search_id}. Only its owner changes a search; a shared one can be copied."
        )
        self.search_id = search_id


class LogClosedError(AuditError):
    """The person holds no role that reads the log."""

    code = "audit_closed"

    def __init__(self) -> None:
        super().__init__("Auditors, change managers and administrators read the audit log. Ask for one of these roles.")


class CheckpointNotFoundError(AuditError):
    """No checkpoint has this size."""

    code = "checkpoint_not_found"

    def __init__(self, size: int) -> None:
        super().__init__(f"This log has no checkpoint of {size} entries. Take the newest one.")
        self.size = size


class UnreadableCheckpointError(FilterError):
    """What was given to be compared is no checkpoint."""

    code = "unreadable_checkpoint"

    def __init__(self, problem: str) -> None:
        super().__init__(
            "checkpoint",
            f"{problem} Give the whole file: the log's name, a number, a root, an empty line, and the signatures.",
        )
