"""ANALYZE keeps no samples of what redactions empty here: in pg_statistic they would outlive the text."""

from django.db import migrations

COLUMNS = (
    ("changes_approval", "comment", "text"),
    ("changes_threadcomment", "text", "text"),
    ("changes_notification", "subject", "varchar(200)"),
    ("changes_notification", "sentence", "text"),
)

# To set the type anew, even to the same, lets go of the samples that are there; nothing is rewritten.
SAMPLES = "".join(
    f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0;"
    f" ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind};"
    for table, column, kind in COLUMNS
)


class Migration(migrations.Migration):
    """What is sampled."""

    dependencies = [("changes", "0047_comments_of_archived_events")]

    operations = [migrations.RunSQL(SAMPLES, migrations.RunSQL.noop)]
