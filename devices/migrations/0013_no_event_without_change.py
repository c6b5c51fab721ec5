"""No event says that drift was found, decided or closed unless its record was."""

from django.db import migrations

from audit.ddl import require_change


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0012_criticality_tenant_addresses"),
        ("audit", "0004_no_event_without_change"),
    ]

    operations = [require_change(table="devices_driftrecord", object_type="drift")]
