"""The functions that guard the log, by their text: one that was replaced guards nothing, though its triggers fire."""

import hashlib
from typing import Any

from django.apps import apps

from audit.stateful import STATEFUL
from audit.verification.findings import Finding, FindingCode

SOURCES = {
    "audit_always_kept": "58e5da1daf81f53cd8d72aae9992b138f00333baebce22db3c48c6113a70d0f8",
    "audit_archive_give_up": "484eb39a4e86bcde1e912f8f47a110e08cf5dc086b09cec7367a6b48f1011fce",
    "audit_archive_moves": "d307d556b5bb20420489dd770173000d467142963fa34cb7570b788bf8eaf515",
    "audit_archive_remove": "ecfb8455fbaa55caa280f3f02736228d49a0567d94ee3e25b49c69ccac322278",
    "audit_checkpoint_fits": "07f2280b0e98de4e917eddb417495b7eb5b63e3c927875481bf97e308081b755",
    "audit_enqueue": "8d709c022fa88e84e57dec438a0e3dc437b281981f9f38266f4c852eda9d30d8",
    "audit_held_by": "fab2d1f03be7a87f4c1c479bbe16bbef3b62ba9b4a4a9da16fe808e9abb9d540",
    "audit_hold_moves": "8e3e59d420a2ee49647ab7de6ab80f11c52035d36b3d2f9e641aa586b68beb0a",
    "audit_opening_comes_with_event": "a417974abad969d09e3930579a966948a4c8dd7fd9e4de2ccb363b5930db1fa1",
    "audit_opening_stays": "7419bbb0954f506f34b86e92d29a14a6adf2e137aa6f109c0eeb2849856754af",
    "audit_redaction_empties": "a6b54809e5a37ce88c1449d0ab67489903b6a6a1c8e5db69043f70cc0f5347c9",
    "audit_redaction_guard": "942e49729216c7f5db24a9e5352b5898662b7691ef93ee6d2f7a9ebc7a3cba92",
    "audit_redaction_is_told": "3e65d29f74a007d18e5d8c01ccd526ed9f21642c40d40962b0608a115737dad6",
    "audit_redaction_person": "892cd13f84f8a1c6293b8565b82ad29cf753c975e4886c7fd22877e1b64e16f3",
    "audit_redaction_says": "e8a3618714bad19d0ea916f99cf5555cc1c42f3e957330f8f9d96e5380f75b38",
    "audit_redaction_waits_for_holds": "f3854766dbcde45b1396c9ba25fc7066e9680a9964391adff4885ea0f09439b3",
    "audit_refuse_change": "d7658e4befa4b0f00eee024cbc34e7004062a9ed05b4625f018a661f6a74c584",
    "audit_refuse_gap": "e6fa930263f83966e9cebfddcb18b17aed0670cc1ac292ce962a67b5c5d9e6a9",
    "audit_refuse_unarchived": "48b99f7be506458f53e53d5b0fd257b8021763935fdd0da2c84b6858a823e067",
    "audit_refuse_unchanged": "b76cb72fb7726cd8cdb7367c1760c6addc9fc17fdeae6507029052a06eeadee6",
    "audit_refuse_unsealed": "5a3e8fbdd8bd980ed8ec62a96efd8e5a786846d77fc1b1132f078868df14846b",
    "audit_refuse_untold": "2a003c6ab2ade21b454f5304819af32884d5538765cdeceb53ca4f62b64469ca",
    "audit_require_change": "ee6773f6d8cce6861f76265962b001d01710a0601a0a6ab1a7979930741d9d60",
    "audit_require_event": "bf5fa199f255b991a3f24ee531e0fc788d8e00b7dbea5d44f33dde99bf3f4893",
    "audit_require_event_about": "0b5add8daab6aefe53be1d2837e5b0d0dc1f9a7e4c0c0d4d804db948dd37051d",
    "audit_stateful_compile": "6670d24e96aaaad6cda14e4281d0399f79519fbbf5dc906da24cf7deb3795d7d",
    "audit_tile_only_grows": "0de069261782267681f47007aa3c88c5505cdf6eccda8cb915f1088c2fea1abf",
    "audit_written_here": "baf92ecd6f5b75da3f1d90c5d56450c8b094b6e67b9f965d33811b5be6291fb0",
}
"""SHA-256 of the text of each without white space, as the migrations leave it. ``audit_refuse_unchanged`` and
``audit_require_change`` are made of the registry: who adds to ``audit.stateful`` writes down theirs anew."""

MADE_OF_THE_REGISTRY = ("audit_refuse_unchanged", "audit_require_change")

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
    expected = _expected()
    cursor.execute(_FUNCTIONS, (list(expected),))
    found = {name: source_digest(source) for name, source in cursor.fetchall()}
    for name, digest in expected.items():
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


def _expected() -> dict[str, str]:
    """What is looked at. A log without all apps of the registry, as in a bench, makes other functions of it."""
    whole = all(apps.is_installed(each.table.partition("_")[0]) for each in STATEFUL)
    return {name: digest for name, digest in SOURCES.items() if whole or name not in MADE_OF_THE_REGISTRY}


def _finding(sentence: str) -> Finding:
    return Finding(
        FindingCode.GUARD_MISSING,
        f"{sentence} Somebody with the owner's or a superuser's role has changed the database, or a migration of"
        " another version was run; what was written since may lack its event.",
    )
