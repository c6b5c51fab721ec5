"""How many devices of a run are claimed is asked before each claim, whatever the run's size."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0014_change_freezes")]

    operations = [
        migrations.AddIndex(
            "devicerun",
            models.Index(fields=["run"], condition=models.Q(owner__isnull=False), name="device_run_held"),
        ),
    ]
