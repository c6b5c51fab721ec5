"""Lines of a way back are counted before each of them leaves, as those of a change are."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):  # noqa: D101
    dependencies = [("changes", "0011_watched_rows")]

    operations = [
        migrations.AddField(
            "devicerun",
            "backout_sent",
            models.PositiveIntegerField(
                default=0, help_text="Lines of the way back, in the present attempt; a replacement counts as one."
            ),
        ),
        migrations.AddField(
            "devicerun",
            "backout_applied",
            models.PositiveIntegerField(default=0, help_text="Those that the device acknowledged."),
        ),
        migrations.AddConstraint(
            "devicerun",
            models.CheckConstraint(
                condition=Q(backout_applied__lte=F("backout_sent")), name="applied_backout_lines_were_sent"
            ),
        ),
    ]
