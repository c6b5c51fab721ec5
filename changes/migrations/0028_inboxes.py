"""What inboxes ask: who may act for the absent in an open stage, and indexes over what is open."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """Small indexes over open changes, whatever the number of ended ones."""

    dependencies = [
        ('changes', '0027_risk'),
    ]

    operations = [
        migrations.AddField(
            model_name='openstage',
            name='delegates',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=150), blank=True, default=list, help_text='Groups that may act for the absent.', size=None),
        ),
        migrations.AddIndex(
            model_name='changerequest',
            index=models.Index(condition=models.Q(('state__in', ['implementing', 'paused', 'rolling_back'])), fields=['-updated_at'], name='change_executed_now'),
        ),
        migrations.AddIndex(
            model_name='changerequest',
            index=models.Index(condition=models.Q(('state__in', ['approved', 'assessment', 'authorization', 'draft', 'implementing', 'paused', 'review', 'rolling_back', 'scheduled', 'stale'])), fields=['author', '-updated_at'], name='change_own_active'),
        ),
        migrations.AddIndex(
            model_name='changerequest',
            index=models.Index(condition=models.Q(('state__in', ['canceled', 'closed', 'rejected'])), fields=['author', '-updated_at'], name='change_own_ended'),
        ),
        migrations.AddIndex(
            model_name='wave',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['run'], name='wave_waiting'),
        ),
    ]
