"""A hundred thousand changes, five thousand of them open, made by SQL in a database of its own."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from audit.actor import Actor
from changes.domain.policy import Role
from portal.access import access_created

PEOPLE: Final = 60
ROLES: Final[dict[str, list[Role]]] = {
    "approver": [Role.CAB, Role.SECURITY],
    "peer": [Role.PEER],
    "manager": [Role.CHANGE_MANAGER, Role.IMPLEMENTER],
    "author": [Role.REQUESTER, Role.IMPLEMENTER],
    "everything": [role for role in Role if role is not Role.AUDITOR],
}
_TABLES: Final = (
    "changes_changerequest",
    "changes_approval",
    "changes_planrevision",
    "changes_deviceplan",
    "changes_run",
    "changes_thread",
    "changes_threadcomment",
)
_BLANK: Final = {
    "text": "''",
    "character varying": "''",
    "jsonb": "'[]'",
    "boolean": "false",
    "integer": "0",
    "smallint": "0",
}
_REASON: Final = "Security is asked because an access list (ACL) is touched on 3 devices."

_CHANGES: Final = """
INSERT INTO changes_changerequest (id, title, reason, type, state, on_hold, content, variables, targets, checks,
    strategy, risk_level, window_start, window_end, author_id, last_editor_id, version, close_code, close_note,
    created_at, updated_at, submitted_at, closed_at)
SELECT n, 'Change number ' || n || ' of the access switches', repeat('Because it is needed. ', 20),
    CASE WHEN n %% 50 = 0 THEN 'emergency' WHEN n %% 5 = 0 THEN 'standard' ELSE 'normal' END,
    CASE WHEN n <= %(ended)s THEN 'closed'
         ELSE (ARRAY['assessment', 'authorization', 'assessment', 'authorization', 'approved', 'draft', 'authorization',
                     'assessment', 'scheduled', 'review', 'draft', 'stale'])[1 + n %% 12] END,
    false, repeat('ntp server 192.0.2.1' || chr(10), 40), '{}', '{}', '{}', '{}',
    (ARRAY['low', 'medium', 'high', ''])[1 + n %% 4],
    CASE WHEN n %% 7 = 0 THEN now() + (n %% 200) * interval '1 hour' END,
    CASE WHEN n %% 7 = 0 THEN now() + (n %% 200 + 4) * interval '1 hour' END,
    %(people)s + n %% %(count)s, %(people)s + n %% %(count)s, 1,
    CASE WHEN n <= %(ended)s THEN 'successful' ELSE '' END, '',
    now() - (%(all)s - n) * interval '10 minutes', now() - (%(all)s - n) * interval '9 minutes',
    now() - (%(all)s - n) * interval '10 minutes',
    CASE WHEN n <= %(ended)s THEN now() - (%(all)s - n) * interval '9 minutes' END
FROM generate_series(1, %(all)s) AS n
"""
_REST: Final = (
    """INSERT INTO changes_changerequest_editors (changerequest_id, user_id)
       SELECT id, author_id FROM changes_changerequest""",
    """INSERT INTO changes_planrevision (id, change_id, number, state, inputs, facts, demand, demand_digest,
           policy_version, digest, code, detail, device_count, requested_by_id)
       SELECT id, id, 1, 'ready', jsonb_build_object('content', repeat('x', 800)),
           jsonb_build_object('sites', repeat('y', 400)),
           jsonb_build_object('stages', jsonb_build_array(
               jsonb_build_object('name', 'peer', 'sentence', %(reason)s::text),
               jsonb_build_object('name', 'cab', 'sentence', %(reason)s::text))),
           '', 'bench/1', encode(sha256(id::text::bytea), 'hex'), '', '', 3, author_id
       FROM changes_changerequest""",
    "UPDATE changes_changerequest SET revision_id = id",
    """INSERT INTO changes_approval (change_id, revision_id, stage, decision, approver_id, "group", plan_digest,
           carried_from, comment, void_cause)
       SELECT c.id, c.id, 'peer', 'approved', %(people)s + (c.id + 1) %% %(count)s, 'peer', r.digest, '', '', ''
       FROM changes_changerequest c JOIN changes_planrevision r ON r.id = c.id
       WHERE c.state IN ('closed', 'authorization', 'approved', 'scheduled', 'review')""",
    """INSERT INTO changes_openstage (change_id, stage, event, "group", needed, quorum, since, delegates,
           closed_to)
       SELECT c.id, CASE c.state WHEN 'assessment' THEN 'peer' ELSE 'cab' END,
           CASE c.state WHEN 'assessment' THEN 'assess' ELSE 'authorize' END,
           g, 1, 1, c.submitted_at, ARRAY['cab'],
           CASE c.state WHEN 'assessment' THEN ARRAY[c.author_id]
               ELSE ARRAY[c.author_id, %(people)s + (c.id + 1) %% %(count)s] END
       FROM changes_changerequest c,
           unnest(CASE c.state WHEN 'assessment' THEN ARRAY['peer'] ELSE ARRAY['cab', 'security'] END) g
       WHERE c.state IN ('assessment', 'authorization')""",
    """INSERT INTO changes_thread (change_id, side, line_text, line_section, state, opened_by_id)
       SELECT id, '', '', '', 'open', %(people)s + (id + 2) %% %(count)s FROM changes_changerequest
       WHERE state <> 'closed' AND id %% 3 = 0""",
    """INSERT INTO changes_threadcomment (thread_id, author_id, text)
       SELECT id, opened_by_id, 'Why is this needed on the access switches of the second floor?' FROM changes_thread""",
    """INSERT INTO changes_threadwait (thread_id, person_id, reason)
       SELECT t.id, c.author_id, 'author' FROM changes_thread t JOIN changes_changerequest c ON c.id = t.change_id""",
)


def fill(changes: int, open_changes: int) -> dict[str, User]:
    """Fill an empty database; the people who are measured, by name. Triggers that ask for events are off meanwhile."""
    with transaction.atomic():
        people = User.objects.bulk_create(User(username=f"person{n}", password="!") for n in range(PEOPLE))
        named = dict(zip(ROLES, people, strict=False))
        for name, user in named.items():
            user.groups.set(Group.objects.filter(name__in=ROLES[name]))
        access_created(*people, actor=Actor.system("bench"))
    values: dict[str, int | str | None] = {
        "all": changes,
        "ended": changes - open_changes,
        "people": people[0].pk,
        "count": PEOPLE,
        "reason": _REASON,
    }
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table in _TABLES:
            _give_defaults(cursor, table)
        cursor.execute(_CHANGES, values)
        for statement in _REST:
            cursor.execute(statement, values)
        for table in _TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("VACUUM ANALYZE")
    return named


def _give_defaults(cursor: CursorWrapper, table: str) -> None:
    """Django keeps defaults to itself; the statements here name only the columns that matter."""
    cursor.execute(
        """SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO'
           AND column_default IS NULL AND is_identity = 'NO' AND data_type = ANY(%s)""",
        [table, list(_BLANK)],
    )
    for column, kind in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET DEFAULT {_BLANK[kind]}')
