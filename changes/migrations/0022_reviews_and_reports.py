"""Reviews after implementation with their actions, and reports, with what the database itself refuses about them."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event

FORWARDS = """
-- Who carried the change out, wrote it, or wrote the review does not accept the review. An accepted one stays as it is.
CREATE FUNCTION changes_keep_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state <> 'draft' THEN
            RAISE EXCEPTION 'a review that was submitted is never removed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'review_stays';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'accepted' THEN
        RAISE EXCEPTION 'an accepted review never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'review_stays';
    END IF;
    IF NEW.accepted_by_id IS NOT NULL AND (
        EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id = NEW.change_id
                AND NEW.accepted_by_id IN (c.author_id, c.last_editor_id))
        OR EXISTS (SELECT 1 FROM changes_changerequest_editors e
                   WHERE e.changerequest_id = NEW.change_id AND e.user_id = NEW.accepted_by_id)
        OR EXISTS (SELECT 1 FROM changes_run r WHERE r.change_id = NEW.change_id AND r.started_by_id = NEW.accepted_by_id)
        OR EXISTS (SELECT 1 FROM changes_run r JOIN changes_run_implementers i ON i.run_id = r.id
                   WHERE r.change_id = NEW.change_id AND i.user_id = NEW.accepted_by_id)
        OR EXISTS (SELECT 1 FROM changes_review_writers w WHERE w.review_id = NEW.id AND w.user_id = NEW.accepted_by_id)
    ) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote or implemented the change, or wrote its review, cannot accept the review'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'review_separation_of_duties';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_review_stays BEFORE INSERT OR UPDATE OR DELETE ON changes_review
    FOR EACH ROW EXECUTE FUNCTION changes_keep_review();
ALTER TABLE changes_review ENABLE ALWAYS TRIGGER changes_review_stays;

-- No change that needs a review is closed without one.
CREATE FUNCTION changes_demand_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'closed' AND OLD.state <> 'closed' AND (
        NEW.type = 'emergency'
        OR NEW.close_code IN ('failed', 'rolled_back', 'aborted')
        OR (SELECT count(*) = 1 AND bool_and(r.outcome IN ('failed', 'rolled_back', 'aborted', 'unknown'))
            FROM changes_run r WHERE r.change_id = NEW.id)
        OR EXISTS (SELECT 1 FROM changes_planrevision p WHERE p.id = NEW.revision_id
                   AND p.demand -> 'duties' @> '[{"duty": "review"}]')
    ) AND NOT EXISTS (SELECT 1 FROM changes_review v WHERE v.change_id = NEW.id AND v.state IN ('submitted', 'accepted')) THEN
        RAISE EXCEPTION 'REVIEW_MISSING: this change cannot be closed before its review is submitted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_with_its_review';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER changes_changerequest_closed_with_review AFTER UPDATE OF state ON changes_changerequest
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION changes_demand_review();
ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER changes_changerequest_closed_with_review;

CREATE FUNCTION changes_keep_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a report stays as it was made; make another edition'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'report_stays';
END $$;
CREATE TRIGGER changes_report_stays BEFORE UPDATE OR DELETE ON changes_report
    FOR EACH ROW EXECUTE FUNCTION changes_keep_report();
ALTER TABLE changes_report ENABLE ALWAYS TRIGGER changes_report_stays;

-- The steps in which a person had to step in, of all changes: few among many events.
CREATE INDEX audit_event_intervened ON audit_event (change_id) WHERE actor_id IS NOT NULL AND action IN (
    'run.paused', 'run.resumed', 'run.aborted', 'run.stop_ordered', 'run.retried', 'run.rollback_started',
    'run.recomputed_backout_confirmed', 'device_run.ended', 'wave.refused');
"""
BACKWARDS = """
DROP INDEX audit_event_intervened;
DROP TRIGGER changes_report_stays ON changes_report;
DROP FUNCTION changes_keep_report();
DROP TRIGGER changes_changerequest_closed_with_review ON changes_changerequest;
DROP FUNCTION changes_demand_review();
DROP TRIGGER changes_review_stays ON changes_review;
DROP FUNCTION changes_keep_review();
"""



class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_append_only'),
        ('changes', '0021_calendar'),
        ('devices', '0011_circuit_breakers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('weekly', 'Weekly'), ('monthly', 'Monthly'), ('quarterly', 'Quarterly')], max_length=10)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(help_text='The day after the last one.')),
                ('edition', models.PositiveSmallIntegerField(default=1)),
                ('body', models.TextField(help_text='Canonical JSON.')),
                ('digest', models.CharField(help_text="SHA-256 of the body's UTF-8 bytes, hex.", max_length=64)),
                ('emergencies', models.PositiveIntegerField(default=0, help_text='Emergency changes in the period.')),
                ('reason', models.TextField(blank=True, help_text='Why a further edition was made.')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Review',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('submitted', 'Submitted'), ('accepted', 'Accepted')], default='draft', max_length=10)),
                ('what_happened', models.TextField(blank=True)),
                ('impact', models.TextField(blank=True)),
                ('cause', models.TextField(blank=True)),
                ('went_well', models.TextField(blank=True)),
                ('lessons', models.TextField(blank=True)),
                ('outcome', models.CharField(blank=True, choices=[('successful', 'Successful'), ('with_exceptions', 'Successful with exceptions'), ('safe_abort', 'Stopped safely'), ('escalated', 'Escalated to an incident')], max_length=16)),
                ('began_at', models.DateTimeField(blank=True, help_text='When the trouble began.', null=True)),
                ('detected_at', models.DateTimeField(blank=True, help_text='When somebody or something noticed it.', null=True)),
                ('restored_at', models.DateTimeField(blank=True, help_text='When the service was as before.', null=True)),
                ('grounds', models.JSONField(default=list, help_text='Why it is demanded; frozen when it is submitted.')),
                ('record', models.JSONField(default=list, help_text='The timeline from the record; frozen when it is submitted.')),
                ('version', models.PositiveIntegerField(default=1, help_text='Counts edits; a stale edit is refused.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('submitted_at', models.DateTimeField(blank=True, null=True)),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('accept_note', models.TextField(blank=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ReviewAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(max_length=500)),
                ('due_on', models.DateField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('done', 'Done'), ('dropped', 'Dropped')], default='open', max_length=8)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('note', models.TextField(blank=True)),
                ('reminded_on', models.DateField(blank=True, help_text='The last day on which its owner was told.', null=True)),
            ],
            options={
                'ordering': ['due_on', 'id'],
            },
        ),
        migrations.AddIndex(
            model_name='changerequest',
            index=models.Index(condition=models.Q(('closed_at__isnull', False)), fields=['closed_at'], name='change_by_end'),
        ),
        migrations.AddIndex(
            model_name='devicerun',
            index=models.Index(condition=models.Q(('lines_sent__gt', 0), models.Q(('before', None), ('after', None), _connector='OR')), fields=['run'], name='device_run_without_proof'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='run_by_end'),
        ),
        migrations.AddField(
            model_name='report',
            name='made_by',
            field=models.ForeignKey(blank=True, help_text='Empty: the schedule.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='review',
            name='accepted_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='review',
            name='change',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='review', to='changes.changerequest'),
        ),
        migrations.AddField(
            model_name='review',
            name='submitted_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='review',
            name='writers',
            field=models.ManyToManyField(help_text='Everybody who wrote a part of it.', related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reviewaction',
            name='created_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reviewaction',
            name='ended_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reviewaction',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reviewaction',
            name='review',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='changes.review'),
        ),
        migrations.AddConstraint(
            model_name='report',
            constraint=models.UniqueConstraint(fields=('kind', 'starts_on', 'edition'), name='one_report_per_edition'),
        ),
        migrations.AddConstraint(
            model_name='report',
            constraint=models.CheckConstraint(condition=models.Q(('starts_on__lt', models.F('ends_on'))), name='report_period_has_days'),
        ),
        migrations.AddConstraint(
            model_name='report',
            constraint=models.CheckConstraint(condition=models.Q(('digest__regex', '^[0-9a-f]{64}$')), name='report_has_a_digest'),
        ),
        migrations.AddConstraint(
            model_name='report',
            constraint=models.CheckConstraint(condition=models.Q(('edition', 1), models.Q(('reason', ''), _negated=True), _connector='OR'), name='report_edition_has_a_reason'),
        ),
        migrations.AddIndex(
            model_name='review',
            index=models.Index(fields=['state', '-id'], name='review_by_state'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('began_at', None), ('detected_at', None), ('began_at__lte', models.F('detected_at')), _connector='OR'), name='review_detected_after_it_began'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('detected_at', None), ('restored_at', None), ('detected_at__lte', models.F('restored_at')), _connector='OR'), name='review_restored_after_it_was_detected'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'draft'), models.Q(('submitted_at__isnull', False), ('submitted_by__isnull', False)), _connector='OR'), name='review_submission_names_a_person'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('accepted_at__isnull', False), ('accepted_by__isnull', False), ('state', 'accepted'), models.Q(('accepted_by', models.F('submitted_by')), _negated=True)), models.Q(models.Q(('state', 'accepted'), _negated=True), ('accepted_at', None), ('accepted_by', None)), _connector='OR'), name='review_accepted_by_a_second_person'),
        ),
        migrations.AddIndex(
            model_name='reviewaction',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['due_on', 'id'], name='action_open_by_due_day'),
        ),
        migrations.AddIndex(
            model_name='reviewaction',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['owner', 'due_on'], name='action_open_by_owner'),
        ),
        migrations.AddConstraint(
            model_name='reviewaction',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='action_says_what'),
        ),
        migrations.AddConstraint(
            model_name='reviewaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ended_by', None), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('ended_at__isnull', False), ('ended_by__isnull', False)), _connector='OR'), name='action_end_names_a_person'),
        ),
        migrations.AddConstraint(
            model_name='reviewaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'dropped'), _negated=True), models.Q(('note', ''), _negated=True), _connector='OR'), name='action_dropped_with_a_reason'),
        ),
        require_event(table='changes_review', object_type='review'),
        require_event(table='changes_reviewaction', object_type='review_action'),
        require_event(table='changes_report', object_type='report', state_column=None),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
