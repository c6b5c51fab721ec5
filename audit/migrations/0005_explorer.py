"""The explorer at ten million events: an index for each of its filters, and searches that people keep."""

import django.db.models.functions.datetime
from django.db import migrations, models

from audit.ddl import require_event


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_no_event_without_change"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="event", index=models.Index(fields=["object_type", "id"], name="audit_event_kind")
        ),
        migrations.AddIndex(
            model_name="event", index=models.Index(fields=["object_id", "id"], name="audit_event_object_id")
        ),
        migrations.AddIndex(model_name="event", index=models.Index(fields=["origin", "id"], name="audit_event_origin")),
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner_id", models.BigIntegerField()),
                ("owner_name", models.CharField(max_length=150)),
                ("name", models.CharField(max_length=80)),
                ("query", models.JSONField()),
                (
                    "shared",
                    models.BooleanField(default=False, help_text="Everybody who reads the log can use it."),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("deleted_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "audit_saved_search", "default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="savedsearch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at", None)), fields=("owner_id", "name"), name="one_saved_search_per_name"
            ),
        ),
        require_event(table="audit_saved_search", object_type="saved_search", state_column=None),
    ]
