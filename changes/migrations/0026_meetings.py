"""CAB meetings: frozen agendas, minutes and the decisions that were taken, with what the database refuses."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event

FORWARDS = """
CREATE FUNCTION changes_keep_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept changes_meeting;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'draft' AND NEW.state IN ('draft', 'open') THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'open' AND NEW.state IN ('open', 'closed') THEN
        kept := NEW;
        kept.state := OLD.state;
        kept.closed_at := OLD.closed_at;
        kept.summary := OLD.summary;
        IF kept IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A meeting goes from draft to open to closed, and stays as it was held.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'meeting_stays';
END $$;
CREATE TRIGGER changes_meeting_stays BEFORE UPDATE OR DELETE ON changes_meeting
    FOR EACH ROW EXECUTE FUNCTION changes_keep_meeting();
ALTER TABLE changes_meeting ENABLE ALWAYS TRIGGER changes_meeting_stays;

CREATE FUNCTION changes_keep_agenda() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text;
    kept changes_agendaitem;
BEGIN
    SELECT state INTO held FROM changes_meeting
        WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.meeting_id ELSE OLD.meeting_id END;
    IF held = 'draft' AND (TG_OP <> 'UPDATE' OR NEW.meeting_id = OLD.meeting_id) THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF held = 'open' AND TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.minutes := OLD.minutes;
        kept.outcome := OLD.outcome;
        kept.deferred_to := OLD.deferred_to;
        IF kept IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'The agenda is frozen when the meeting opens, and the minutes when it is closed.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'agenda_frozen';
END $$;
CREATE TRIGGER changes_agenda_frozen BEFORE INSERT OR UPDATE OR DELETE ON changes_agendaitem
    FOR EACH ROW EXECUTE FUNCTION changes_keep_agenda();
ALTER TABLE changes_agendaitem ENABLE ALWAYS TRIGGER changes_agenda_frozen;

CREATE FUNCTION changes_keep_attendance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (SELECT 1 FROM changes_meeting WHERE state = 'closed'
            AND id = CASE TG_OP WHEN 'DELETE' THEN OLD.meeting_id ELSE NEW.meeting_id END) THEN
        RAISE EXCEPTION 'Who was at a closed meeting stays as it was recorded.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'attendance_stays';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER changes_attendance_stays BEFORE INSERT OR UPDATE OR DELETE ON changes_attendance
    FOR EACH ROW EXECUTE FUNCTION changes_keep_attendance();
ALTER TABLE changes_attendance ENABLE ALWAYS TRIGGER changes_attendance_stays;

CREATE FUNCTION changes_keep_meeting_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND EXISTS (
        SELECT 1 FROM changes_agendaitem i JOIN changes_meeting m ON m.id = i.meeting_id
            JOIN changes_approval a ON a.id = NEW.approval_id AND a.change_id = i.change_id
            WHERE i.id = NEW.agendaitem_id AND m.state = 'open' AND a.created_at >= m.opened_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A meeting records decisions that people took about its own items while it was open.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'meeting_decision_stays';
END $$;
CREATE TRIGGER changes_meeting_decision_stays BEFORE INSERT OR UPDATE OR DELETE ON changes_agendaitem_decisions
    FOR EACH ROW EXECUTE FUNCTION changes_keep_meeting_decision();
ALTER TABLE changes_agendaitem_decisions ENABLE ALWAYS TRIGGER changes_meeting_decision_stays;
"""
BACKWARDS = """
DROP TRIGGER changes_meeting_decision_stays ON changes_agendaitem_decisions;
DROP FUNCTION changes_keep_meeting_decision();
DROP TRIGGER changes_attendance_stays ON changes_attendance;
DROP FUNCTION changes_keep_attendance();
DROP TRIGGER changes_agenda_frozen ON changes_agendaitem;
DROP FUNCTION changes_keep_agenda();
DROP TRIGGER changes_meeting_stays ON changes_meeting;
DROP FUNCTION changes_keep_meeting();
"""


class Migration(migrations.Migration):
    """Meetings, who came, their agendas."""

    dependencies = [
        ('audit', '0002_append_only'),
        ('changes', '0025_hooks_and_decision_steps'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Meeting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=100)),
                ('starts_at', models.DateTimeField(help_text='When people meet; UTC.')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('open', 'Open'), ('closed', 'Closed')], default='draft', max_length=10)),
                ('covers_from', models.DateTimeField(help_text='What the agenda looks back to.')),
                ('covers_to', models.DateTimeField(help_text='What the agenda looks ahead to.')),
                ('planned_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('opened_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('summary', models.TextField(blank=True, help_text='What the meeting came to, written when it is closed.')),
                ('chair', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('planned_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-starts_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Attendance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('guest', models.CharField(blank=True, max_length=100)),
                ('person', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('meeting', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attendances', to='changes.meeting')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='AgendaItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('kind', models.CharField(choices=[('emergency', 'Emergency changes since the last meeting'), ('failed', 'Changes that did not succeed'), ('decide', 'Changes that wait for authorization'), ('upcoming', 'The coming week'), ('freeze', 'Change freezes'), ('other', 'Other points')], max_length=10)),
                ('title', models.CharField(max_length=300)),
                ('facts', models.JSONField(blank=True, default=dict)),
                ('minutes', models.TextField(blank=True)),
                ('outcome', models.CharField(blank=True, choices=[('noted', 'Noted'), ('discussed', 'Discussed'), ('deferred', 'Deferred')], max_length=10)),
                ('deferred_to', models.CharField(blank=True, help_text='What has to happen first, or until when.', max_length=300)),
                ('added_by', models.ForeignKey(blank=True, help_text='Empty: the agenda was made from what waits.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('change', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='changes.changerequest')),
                ('decisions', models.ManyToManyField(help_text='What people decided about the change while the meeting was open.', related_name='+', to='changes.approval')),
                ('meeting', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='changes.meeting')),
            ],
            options={
                'ordering': ['meeting_id', 'position'],
            },
        ),
        migrations.AddIndex(
            model_name='meeting',
            index=models.Index(condition=models.Q(('state', 'closed')), fields=['-closed_at'], name='meeting_closed'),
        ),
        migrations.AddConstraint(
            model_name='meeting',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('opened_at', None), ('state', 'draft')), models.Q(('closed_at', None), ('opened_at__isnull', False), ('state', 'open')), models.Q(('closed_at__isnull', False), ('opened_at__isnull', False), ('state', 'closed')), _connector='OR'), name='meeting_state_has_its_times'),
        ),
        migrations.AddConstraint(
            model_name='meeting',
            constraint=models.CheckConstraint(condition=models.Q(('title', ''), _negated=True), name='meeting_has_a_title'),
        ),
        migrations.AddConstraint(
            model_name='attendance',
            constraint=models.UniqueConstraint(fields=('meeting', 'person'), name='attendance_once'),
        ),
        migrations.AddConstraint(
            model_name='attendance',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('guest', ''), ('person__isnull', False)), models.Q(('person', None), models.Q(('guest', ''), _negated=True)), _connector='OR'), name='attendance_names_somebody'),
        ),
        migrations.AddConstraint(
            model_name='agendaitem',
            constraint=models.UniqueConstraint(fields=('meeting', 'position'), name='one_item_per_position'),
        ),
        migrations.AddConstraint(
            model_name='agendaitem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'deferred'), models.Q(('deferred_to', ''), _negated=True)), models.Q(models.Q(('outcome', 'deferred'), _negated=True), ('deferred_to', '')), _connector='OR'), name='deferred_item_says_why'),
        ),
        require_event(table="changes_meeting", object_type="meeting"),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
