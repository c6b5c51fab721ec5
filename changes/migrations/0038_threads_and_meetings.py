"""Who wrote a template resolves no thread about its changes; a planned meeting can be canceled with a reason."""

from django.db import migrations, models

FORWARDS = """
CREATE OR REPLACE FUNCTION changes_keep_thread() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept changes_thread;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.state := OLD.state;
        kept.resolved_by_id := OLD.resolved_by_id;
        kept.resolved_at := OLD.resolved_at;
        IF kept IS NOT DISTINCT FROM OLD THEN
            IF NEW.resolved_by_id IS NOT NULL AND NEW.resolved_by_id <> NEW.opened_by_id
                    AND NEW.resolved_by_id IN (SELECT changes_hands(NEW.change_id)) THEN
                RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote or edited a change does not resolve what others ask'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
            END IF;
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A thread stays where it was opened: it can be resolved and opened again, and nothing else.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'thread_stays';
END $$;

CREATE OR REPLACE FUNCTION changes_keep_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept changes_meeting;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'draft' AND NEW.state IN ('draft', 'open', 'canceled') THEN
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
    RAISE EXCEPTION 'A meeting goes from draft to open to closed, or is canceled as a draft, and stays as it was held.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'meeting_stays';
END $$;

CREATE OR REPLACE FUNCTION changes_keep_attendance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (SELECT 1 FROM changes_meeting WHERE state IN ('closed', 'canceled')
            AND id = CASE TG_OP WHEN 'DELETE' THEN OLD.meeting_id ELSE NEW.meeting_id END) THEN
        RAISE EXCEPTION 'Who was at a closed meeting stays as it was recorded.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'attendance_stays';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""


class Migration(migrations.Migration):
    """Functions are replaced; their triggers stay."""

    dependencies = [
        ("changes", "0037_steps_are_signed"),
    ]

    operations = [
        migrations.AddField(model_name="meeting", name="canceled_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            model_name="meeting",
            name="cancel_reason",
            field=models.TextField(blank=True, default="", help_text="Why a planned meeting is not held."),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="meeting",
            name="state",
            field=models.CharField(choices=[("draft", "Draft"), ("open", "Open"), ("closed", "Closed"), ("canceled", "Canceled")], default="draft", max_length=10),
        ),
        migrations.RemoveConstraint(model_name="meeting", name="meeting_state_has_its_times"),
        migrations.AddConstraint(
            model_name="meeting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("opened_at", None), ("state", "draft")),
                    models.Q(("closed_at", None), ("opened_at__isnull", False), ("state", "open")),
                    models.Q(("closed_at__isnull", False), ("opened_at__isnull", False), ("state", "closed")),
                    models.Q(("closed_at", None), ("opened_at", None), ("state", "canceled")),
                    _connector="OR",
                ),
                name="meeting_state_has_its_times",
            ),
        ),
        migrations.AddConstraint(
            model_name="meeting",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("canceled_at__isnull", False), ("state", "canceled"), models.Q(("cancel_reason", ""), _negated=True)), models.Q(models.Q(("state", "canceled"), _negated=True), ("cancel_reason", ""), ("canceled_at", None)), _connector="OR"),
                name="canceled_meeting_says_why",
            ),
        ),
        migrations.RunSQL(FORWARDS, migrations.RunSQL.noop),
    ]
