"""Changes are found by their window, and their people are told once before it opens."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column and an index."""

    dependencies = [("changes", "0030_waiting_changes")]

    operations = [
        migrations.AddField(
            "changerequest",
            "window_told",
            models.DateTimeField(
                blank=True,
                help_text="The start of the window of which its people were told that it opens soon.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            "changerequest",
            models.Index(
                fields=["window_start"],
                condition=models.Q(("window_start__isnull", False)),
                name="change_by_window",
            ),
        ),
    ]
