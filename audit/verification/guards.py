"""Whether the database still has what guards the log: triggers that are switched on, and the function of the line."""

from typing import Any

from audit.verification.findings import Finding, FindingCode
from audit.verification.guard_sources import check_sources, source_digest

# Of the text of audit_event_line without white space (migration 0003): what leaves and exports are made with.
LINE_SOURCE_SHA256 = "3a41ce36b30ec23a492fd2e58213b63ee858f8c352fea0c38865aa947cf8388f"

GUARDS = (
    ("audit_event", "audit_event_only_grows"),
    ("audit_event", "audit_event_row_stays"),
    ("audit_event", "audit_event_leaves_by_archive"),
    ("audit_event", "audit_event_row_leaves_by_archive"),
    ("audit_event", "audit_event_is_enqueued"),
    ("audit_event", "audit_event_needs_change"),
    ("audit_opening", "audit_opening_with_event"),
    ("audit_opening", "audit_opening_row_stays"),
    ("audit_opening", "audit_opening_never_goes"),
    ("audit_opening", "audit_opening_leaves_by_archive"),
    ("audit_opening", "audit_opening_row_leaves_by_archive"),
    ("audit_redaction", "audit_redaction_two_people"),
    ("audit_redaction", "audit_redaction_carried_out"),
    ("audit_redaction", "audit_redaction_told"),
    ("audit_redaction", "audit_redaction_of_held"),
    ("audit_redaction", "audit_redaction_never_goes"),
    ("audit_pending", "audit_pending_leaves_sealed"),
    ("audit_pending", "audit_pending_stays"),
    ("audit_leaf", "audit_leaf_without_gaps"),
    ("audit_leaf", "audit_leaf_stays"),
    ("audit_tile", "audit_tile_grows"),
    ("audit_tile", "audit_tile_stays"),
    ("audit_checkpoint", "audit_checkpoint_is_whole"),
    ("audit_checkpoint", "audit_checkpoint_stays"),
    ("audit_legal_hold", "audit_legal_hold_moves"),
    ("audit_legal_hold", "audit_legal_hold_stays"),
    ("audit_archive", "audit_archive_moves"),
    ("audit_archive", "audit_archive_stays"),
    ("audit_archived_event", "audit_archived_event_stays"),
)
_registered: list[tuple[str, str]] = []


def register(table: str, trigger: str) -> None:
    """Have the verification look for a trigger that an app above puts on one of the log's tables."""
    if (table, trigger) not in _registered:
        _registered.append((table, trigger))


def guards() -> tuple[tuple[str, str], ...]:
    """Every trigger that has to be there, with its table."""
    return (*GUARDS, *_registered)


def check_guards(cursor: Any) -> None:  # noqa: ANN401 - any cursor
    """Look for every trigger, fired always, and compare the function that makes a line with ours.

    The triggers of the other tables, which demand an event for every step or refuse to change a decision, have to be
    switched on as well.

    Raises:
        Finding: one is missing, switched off or another.
    """
    cursor.execute(
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
        " AND tgrelid = ANY (%s::text[]::regclass[])",
        (sorted({table for table, _name in guards()}),),
    )
    found = {(table, name): enabled for table, name, enabled in cursor.fetchall()}
    for guard in guards():
        if found.get(guard) not in {"A", b"A"}:
            state = "is missing" if guard not in found else "is switched off or weakened"
            raise Finding(
                FindingCode.GUARD_MISSING,
                f"The guard {guard[1]} of the table {guard[0]} {state}. Somebody with the owner's or a superuser's role"
                " has changed the database; what was written since may have been edited before it was sealed.",
            )
    cursor.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE tgenabled = 'D' AND relnamespace ="
        " (SELECT relnamespace FROM pg_class WHERE oid = 'audit_event'::regclass) ORDER BY 1, 2 LIMIT 1"
    )
    row = cursor.fetchone()
    if row is not None:
        raise Finding(
            FindingCode.GUARD_MISSING,
            f"The trigger {row[1]} of the table {row[0]} is switched off. Somebody with the owner's or a superuser's"
            " role has changed the database; rows of this table may have been changed without an event.",
        )
    cursor.execute(
        "SELECT prosrc FROM pg_proc"
        " WHERE oid = to_regprocedure('audit_event_line(bigint, timestamptz, bigint, text, text)')"
    )
    row = cursor.fetchone()
    if row is None or source_digest(row[0]) != LINE_SOURCE_SHA256:
        raise Finding(
            FindingCode.GUARD_MISSING,
            "The function audit_event_line, which makes the sealed form of an event, is not the one of this version:"
            " it could show a form that the event does not have.",
        )
    check_sources(cursor)
