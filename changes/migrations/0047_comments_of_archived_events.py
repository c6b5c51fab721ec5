"""A comment goes with the text of its event where that event is in an archive, too."""

from django.db import migrations

OLD = """WHERE e.object_type = kind AND e.object_id = thing::text AND audit_written_here(r.xmin));"""
NEW = """WHERE e.object_type = kind AND e.object_id = thing::text AND audit_written_here(r.xmin)
    ) OR EXISTS (
        SELECT FROM audit_archived_event gone
        JOIN audit_redaction r ON r.event_id = gone.event_id AND r.state = 'carried_out' AND r.paths = ARRAY['*']
        WHERE gone.object_type = kind AND gone.object_id = thing::text AND audit_written_here(r.xmin));"""

_EXCHANGE = """
DO $do$
DECLARE
    source text := pg_get_functiondef('changes_redacted_here(text, bigint)'::regprocedure);
BEGIN
    EXECUTE replace(source, $piece${old}$piece$, $piece${new}$piece$);
END
$do$;
"""


class Migration(migrations.Migration):
    """One function."""

    dependencies = [("changes", "0046_ended_changes"), ("audit", "0012_closer_archives")]

    operations = [migrations.RunSQL(_EXCHANGE.format(old=OLD, new=NEW), _EXCHANGE.format(old=NEW, new=OLD))]
