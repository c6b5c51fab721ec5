"""The functions that guard the log, by their text: one that was replaced guards nothing, though its triggers fire."""

import hashlib
from typing import Any

from audit.stateful import STATEFUL
from audit.verification.findings import Finding, FindingCode

SOURCES = {
    "audit_checkpoint_fits": "07f2280b0e98de4e917eddb417495b7eb5b63e3c927875481bf97e308081b755",
    "audit_enqueue": "8d709c022fa88e84e57dec438a0e3dc437b281981f9f38266f4c852eda9d30d8",
    "audit_refuse_change": "d7658e4befa4b0f00eee024cbc34e7004062a9ed05b4625f018a661f6a74c584",
    "audit_refuse_gap": "e6fa930263f83966e9cebfddcb18b17aed0670cc1ac292ce962a67b5c5d9e6a9",
    "audit_refuse_unsealed": "5a3e8fbdd8bd980ed8ec62a96efd8e5a786846d77fc1b1132f078868df14846b",
    "audit_require_event": "1776a341f171884419f3c538d8d83456992aa0c02aa3e87e120e6034ba14578f",
    "audit_require_event_about": "2b524fc5248656b74b1de3d99bad1df844d5154012875d5cc4a1ba0f6c6034f1",
    "audit_tile_only_grows": "0de069261782267681f47007aa3c88c5505cdf6eccda8cb915f1088c2fea1abf",
    "audit_written_here": "baf92ecd6f5b75da3f1d90c5d56450c8b094b6e67b9f965d33811b5be6291fb0",
}
"""SHA-256 of the text of each without white space, as the migrations leave it. ``audit_require_change`` is not among
them: it is made of the registry."""

DEMANDING = ("audit_require_event", "audit_require_event_about")
_BESIDE_THE_LOG = ("changes_note_move",)
"""Functions whose triggers fire for the convenience of readers, and guard nothing."""

_FUNCTIONS = """
SELECT proname, prosrc FROM pg_proc WHERE proname = ANY (%s)
    AND pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'audit_event'::regclass)
"""
_WEAKENED = """
SELECT t.tgrelid::regclass::text, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'A' AND p.proname <> ALL (%s)
    AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'audit_event'::regclass) ORDER BY 1, 2 LIMIT 1
"""
_UNGUARDED = """
SELECT name FROM unnest(%s::text[]) AS t (name) WHERE to_regclass(name) IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
    WHERE g.tgrelid = to_regclass(name) AND p.proname = ANY (%s)) ORDER BY 1 LIMIT 1
"""


def source_digest(source: str) -> str:
    """The digest of a function's text, whatever its white space."""
    return hashlib.sha256("".join(source.split()).encode()).hexdigest()


def check_sources(cursor: Any) -> None:  # noqa: ANN401 - any cursor
    """Look at the guards' functions, at triggers that are not fired always, and for tables that nothing guards.

    Raises:
        Finding: a function is another, a trigger can be got past, or one is gone.
    """
    cursor.execute(_FUNCTIONS, (list(SOURCES),))
    found = {name: source_digest(source) for name, source in cursor.fetchall()}
    for name, digest in SOURCES.items():
        if found.get(name) != digest:
            raise _finding(f"The function {name}, which guards the log, is not the one of this version.")
    cursor.execute(_WEAKENED, (list(_BESIDE_THE_LOG),))
    row = cursor.fetchone()
    if row is not None:
        raise _finding(f"The trigger {row[1]} of the table {row[0]} is not fired always, so a session can get past it.")
    cursor.execute(_UNGUARDED, (sorted({each.table for each in STATEFUL}), list(DEMANDING)))
    row = cursor.fetchone()
    if row is not None:
        raise _finding(f"Nothing demands an event any more of who changes the table {row[0]}: its trigger was removed.")


def _finding(sentence: str) -> Finding:
    return Finding(
        FindingCode.GUARD_MISSING,
        f"{sentence} Somebody with the owner's or a superuser's role has changed the database, or a migration of"
        " another version was run; what was written since may lack its event.",
    )
