"""What a hook said of itself when it was switched on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0028_inboxes")]

    operations = [
        migrations.AddField(
            model_name="hooksetting",
            name="points",
            field=models.JSONField(default=list, help_text="What it said of itself when it was switched on last."),
        ),
        migrations.AddField(
            model_name="hooksetting",
            name="distribution",
            field=models.CharField(blank=True, help_text="The package that offered it then.", max_length=100),
        ),
        migrations.AddField(
            model_name="hooksetting", name="version", field=models.CharField(blank=True, max_length=60)
        ),
    ]
