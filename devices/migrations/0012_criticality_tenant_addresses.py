"""How critical a device is, whom it serves, and which addresses it has."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0011_circuit_breakers'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='criticality',
            field=models.CharField(blank=True, choices=[('low', 'Low'), ('normal', 'Normal'), ('high', 'High'), ('vital', 'Vital')], help_text='How much depends on it; empty: not known.', max_length=10),
        ),
        migrations.AddField(
            model_name='device',
            name='tenant',
            field=models.CharField(blank=True, help_text='Whom the device serves, as its source names it.', max_length=100),
        ),
        migrations.CreateModel(
            name='DeviceAddresses',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='address_index', serialize=False, to='devices.device')),
                ('blob_id', models.CharField(max_length=64)),
                ('snapshot_id', models.BigIntegerField(help_text='The snapshot; an older one never replaces a newer one.')),
                ('addresses', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=45), default=list, size=None)),
                ('uses', models.JSONField(default=list)),
                ('indexed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'indexes': [django.contrib.postgres.indexes.GinIndex(fastupdate=False, fields=['addresses'], name='device_by_address')],
            },
        ),
    ]
