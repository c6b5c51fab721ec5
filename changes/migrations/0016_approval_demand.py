"""What a plan turned out to be, what its policy asked, and by whose right and for whom a decision was made."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('changes', '0015_held_rows'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='approval',
            name='carried_from',
            field=models.CharField(blank=True, help_text='The plan digest that the approver saw, where it was carried over.', max_length=64),
        ),
        migrations.AddField(
            model_name='approval',
            name='group',
            field=models.CharField(blank=True, help_text='The group by whose right it was given.', max_length=150),
        ),
        migrations.AddField(
            model_name='approval',
            name='on_behalf_of',
            field=models.ForeignKey(blank=True, help_text='The absent member for whom the approver decided.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='changerequest',
            name='risk_level',
            field=models.CharField(blank=True, choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High')], help_text='The level that holds; empty: not assessed.', max_length=10),
        ),
        migrations.AddField(
            model_name='planrevision',
            name='demand',
            field=models.JSONField(help_text='What the approval policy asked when the change was submitted.', null=True),
        ),
        migrations.AddField(
            model_name='planrevision',
            name='facts',
            field=models.JSONField(help_text='What planning found out, as approval policies ask for it.', null=True),
        ),
        migrations.AlterField(
            model_name='approval',
            name='decision',
            field=models.CharField(choices=[('approved', 'Approved'), ('changes_requested', 'Asked for changes'), ('rejected', 'Rejected'), ('abstained', 'Abstained')], max_length=20),
        ),
    ]
