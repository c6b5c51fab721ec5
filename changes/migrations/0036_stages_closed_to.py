"""Who cannot decide in an open stage stands beside it; the dispatcher writes the rows anew."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """Rows without the new column's values would show people what they cannot decide, so they go."""

    dependencies = [
        ("changes", "0035_hands_stay"),
    ]

    operations = [
        migrations.RunSQL("DELETE FROM changes_openstage", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="openstage",
            name="closed_to",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), blank=True, default=list, help_text="Accounts that cannot decide in it: they have a hand in the change, or have decided about its plan.", size=None),
        ),
    ]
