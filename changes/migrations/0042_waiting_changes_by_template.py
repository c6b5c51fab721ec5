"""Who wrote a change's template has a hand in it: inboxes find that in the index too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The same small index with one column more."""

    dependencies = [
        ("changes", "0041_reviewers_hold_their_role"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="changerequest", name="change_waits_for_others"),
        migrations.AddIndex(
            model_name="changerequest",
            index=models.Index(condition=models.Q(("state__in", ["approved", "assessment", "authorization", "review", "scheduled"])), fields=["state", "id"], include=("type", "window_start", "submitted_at", "created_at", "author", "last_editor", "revision", "template_version"), name="change_waits_for_others"),
        ),
    ]
