import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    """Which change request takes which drift back."""

    dependencies = [
        ("changes", "0005_gates_and_exceptions"),
        ("devices", "0006_backups_and_drift"),
    ]

    operations = [
        migrations.CreateModel(
            name="DriftRevert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "change",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drift_revert",
                        to="changes.changerequest",
                    ),
                ),
                (
                    "drift",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="reverts", to="devices.driftrecord"
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
    ]
