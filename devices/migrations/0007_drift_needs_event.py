from django.db import migrations

from audit.ddl import require_event


class Migration(migrations.Migration):
    """No drift record is made or moves without its audit event."""

    dependencies = [
        ("devices", "0006_backups_and_drift"),
        ("audit", "0002_append_only"),
    ]

    operations = [require_event(table="devices_driftrecord", object_type="drift")]
