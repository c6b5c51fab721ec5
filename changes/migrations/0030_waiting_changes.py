"""The columns by which inboxes choose among changes that wait, in one small index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Read without the wide rows of changes."""

    dependencies = [
        ('changes', '0029_hook_description'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='changerequest',
            index=models.Index(condition=models.Q(('state__in', ['approved', 'assessment', 'authorization', 'review', 'scheduled'])), fields=['state', 'id'], include=('type', 'window_start', 'submitted_at', 'created_at', 'author', 'last_editor', 'revision'), name='change_waits_for_others'),
        ),
    ]
