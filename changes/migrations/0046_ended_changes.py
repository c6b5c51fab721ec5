"""Tell retention which changes have ended, of which type they are, and since when, by the log's own times."""

from django.db import migrations

from changes.domain.states import ENDED

_STATES = ", ".join(f"'{state.value}'" for state in sorted(ENDED, key=str))

ENDED_CHANGE = f"""
CREATE OR REPLACE VIEW audit_ended_change AS
SELECT c.id AS change_id, c.type::text AS change_class, (
    SELECT max(step.at) FROM (
        SELECT at FROM audit_event
        WHERE object_type = 'change' AND object_id = c.id::text AND state_to <> '' AND state_to <> state_from
        UNION ALL
        SELECT at FROM audit_archived_event
        WHERE object_type = 'change' AND object_id = c.id::text AND state_to <> ''
    ) step) AS ended_at
FROM changes_changerequest c WHERE c.state IN ({_STATES})
"""  # noqa: S608 - constants

NONE_ENDED = """
CREATE OR REPLACE VIEW audit_ended_change AS
    SELECT NULL::bigint AS change_id, NULL::text AS change_class, NULL::timestamptz AS ended_at WHERE false
"""


class Migration(migrations.Migration):
    """The view of the audit app, filled."""

    dependencies = [("changes", "0045_redacted_comments"), ("audit", "0010_retention")]

    operations = [migrations.RunSQL(ENDED_CHANGE, NONE_ENDED)]
