"""Discussion threads with what the database itself refuses about them, and the table of open stages."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event

FORWARDS = """
CREATE FUNCTION changes_keep_thread() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept changes_thread;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.state := OLD.state;
        kept.resolved_by_id := OLD.resolved_by_id;
        kept.resolved_at := OLD.resolved_at;
        IF kept IS NOT DISTINCT FROM OLD THEN
            IF NEW.resolved_by_id IS NOT NULL AND NEW.resolved_by_id <> NEW.opened_by_id AND (
                EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id = NEW.change_id
                        AND NEW.resolved_by_id IN (c.author_id, c.last_editor_id))
                OR EXISTS (SELECT 1 FROM changes_changerequest_editors e
                           WHERE e.changerequest_id = NEW.change_id AND e.user_id = NEW.resolved_by_id)) THEN
                RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote or edited a change does not resolve what others ask'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
            END IF;
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A thread stays where it was opened: it can be resolved and opened again, and nothing else.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'thread_stays';
END $$;
CREATE TRIGGER changes_thread_stays BEFORE UPDATE OR DELETE ON changes_thread
    FOR EACH ROW EXECUTE FUNCTION changes_keep_thread();
ALTER TABLE changes_thread ENABLE ALWAYS TRIGGER changes_thread_stays;

CREATE FUNCTION changes_keep_comment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A comment stays as it was written.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'comment_stays';
END $$;
CREATE TRIGGER changes_threadcomment_stays BEFORE UPDATE OR DELETE ON changes_threadcomment
    FOR EACH ROW EXECUTE FUNCTION changes_keep_comment();
ALTER TABLE changes_threadcomment ENABLE ALWAYS TRIGGER changes_threadcomment_stays;
"""
BACKWARDS = """
DROP TRIGGER changes_threadcomment_stays ON changes_threadcomment;
DROP FUNCTION changes_keep_comment();
DROP TRIGGER changes_thread_stays ON changes_thread;
DROP FUNCTION changes_keep_thread();
"""


class Migration(migrations.Migration):
    """Threads, their comments, for whom they wait, and open stages."""

    dependencies = [
        ('changes', '0018_templates'),
        ('audit', '0002_append_only'),
        ('devices', '0011_circuit_breakers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Thread',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('side', models.CharField(blank=True, choices=[('running', 'Running'), ('intended', 'Intended')], max_length=10)),
                ('line_text', models.TextField(blank=True)),
                ('line_section', models.TextField(blank=True)),
                ('line_number', models.PositiveIntegerField(blank=True, null=True)),
                ('state', models.CharField(choices=[('open', 'Open'), ('resolved', 'Resolved')], default='open', max_length=10)),
                ('opened_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='threads', to='changes.changerequest')),
                ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='devices.device')),
                ('opened_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('resolved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('revision', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='changes.planrevision')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='ThreadComment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('written_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('mentioned', models.ManyToManyField(help_text='Who was told of it.', related_name='+', to=settings.AUTH_USER_MODEL)),
                ('thread', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='changes.thread')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='ThreadWait',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('mentioned', 'Mentioned'), ('author', 'Author'), ('opener', 'Opener')], max_length=10)),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('thread', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='waits', to='changes.thread')),
            ],
        ),
        migrations.CreateModel(
            name='OpenStage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stage', models.CharField(max_length=40)),
                ('event', models.CharField(help_text='The step that its last approval takes.', max_length=20)),
                ('group', models.CharField(max_length=150)),
                ('needed', models.PositiveSmallIntegerField(help_text='How many approvals the stage still lacks.')),
                ('quorum', models.PositiveSmallIntegerField()),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='Since when the stage is open.')),
                ('until', models.DateTimeField(blank=True, help_text='When the next approval of the revision expires, and this is asked again.', null=True)),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='open_stages', to='changes.changerequest')),
            ],
            options={
                'indexes': [models.Index(fields=['group', 'change'], name='open_stage_by_group'), models.Index(condition=models.Q(('until__isnull', False)), fields=['until'], name='open_stage_by_expiry')],
                'constraints': [models.UniqueConstraint(fields=('change', 'group'), name='one_open_stage_for_a_group')],
            },
        ),
        migrations.AddIndex(
            model_name='thread',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['change'], name='thread_unresolved'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('resolved_at', None), ('resolved_by', None), ('state', 'open')), models.Q(('resolved_at__isnull', False), ('resolved_by__isnull', False), ('state', 'resolved')), _connector='OR'), name='resolved_thread_names_who_and_when'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('line_number', None), ('line_section', ''), ('line_text', ''), ('side', '')), models.Q(('side__in', ['running', 'intended']), ('device__isnull', False), ('line_number__isnull', False)), _connector='OR'), name='thread_on_a_line_names_it'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(('device', None), ('revision__isnull', False), _connector='OR'), name='thread_on_a_device_names_its_plan'),
        ),
        migrations.AddConstraint(
            model_name='threadcomment',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='comment_says_something'),
        ),
        migrations.AddIndex(
            model_name='threadwait',
            index=models.Index(fields=['person', 'since', 'id'], name='thread_wait_of_a_person'),
        ),
        migrations.AddConstraint(
            model_name='threadwait',
            constraint=models.UniqueConstraint(fields=('thread', 'person'), name='thread_waits_once_for_a_person'),
        ),
        require_event(table="changes_thread", object_type="thread"),
        require_event(table="changes_threadcomment", object_type="thread_comment", state_column=None),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
